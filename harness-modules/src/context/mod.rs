//! D2, context assembly: what the model reads.

pub mod action_prompt;
pub mod compaction;
pub mod demonstrations;
pub mod history_window;
pub mod instructions;
pub mod skills;
pub mod system_prompt;
pub mod tool_prompt;
