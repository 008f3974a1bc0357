//! Memory across tasks: a file of past tasks, what worked on them and what was noted meanwhile (SQLite, full-text index), written
//! once and read-only ever after, so that what is judged is what is used. Refuses to recall a task to itself.

mod file;
mod note;
mod notebook;
mod recall;
mod segment;

pub use file::{MemoryError, Note, Past, Written, write};
pub use note::{NOTE, noted};

/// What the pack says of itself.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    processors: { "recall" => recall::Recall::new, "notebook" => notebook::Notebook::new },
    tools: { "note" => |config| Ok(note::TakeNote::new(config)) },
}
