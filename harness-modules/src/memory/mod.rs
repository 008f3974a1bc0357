//! D3, memory.

pub mod notes;
