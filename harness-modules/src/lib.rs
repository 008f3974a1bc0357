//! The first pack, `std`: processors every harness starts from, and the models that stand in for a language model in controls and
//! tests. Linked in, but in the same way as a plugin: it knows the plugin ABI and nothing behind it.

mod beneath;
pub mod context;
pub mod control;
mod front_matter;
pub mod memory;
pub mod model;
mod skill_folder;
pub mod tool;
mod turns;
mod wording;

use context::{
    action_prompt, compaction, demonstrations, history_window, instructions, skills, system_prompt, tool_prompt,
};
use control::{budget_guard, loop_guard, output_constraint, parse_repair};
use memory::notes;
use model::{first, noop, random, scripted};
use tool::{skill, tool_filter};

pub use skill_folder::fuzz;

/// What the pack says of itself.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    processors: {
        "system_prompt" => system_prompt::SystemPrompt::new,
        "demonstrations" => demonstrations::Demonstrations::new,
        "tool_prompt" => tool_prompt::ToolPrompt::new,
        "action_prompt" => action_prompt::ActionPrompt::new,
        "instructions" => instructions::Instructions::new,
        "skills" => skills::Skills::new,
        "compaction" => compaction::Compaction::new,
        "history_window" => history_window::HistoryWindow::new,
        "loop_guard" => loop_guard::LoopGuard::new,
        "parse_repair" => parse_repair::ParseRepair::new,
        "output_constraint" => output_constraint::OutputConstraint::new,
        "tool_filter" => tool_filter::ToolFilter::new,
        "budget_guard" => budget_guard::BudgetGuard::new,
        "notes" => notes::Notes::new,
    },
    tools: {
        "skill" => skill::SkillTool::new,
    },
    models: {
        "random" => random::Random::new,
        "first" => first::First::new,
        "noop" => noop::Noop::new,
        "scripted" => scripted::Scripted::new,
    },
}
