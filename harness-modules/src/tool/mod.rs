//! D4, tools.

pub mod skill;
pub mod tool_filter;
