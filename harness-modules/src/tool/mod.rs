//! D4, tools.

pub mod tool_filter;
