//! Memory across tasks: a file of past tasks and what worked on them (SQLite, full-text index), written once and read-only ever
//! after, so that what is judged is what is used. Refuses to recall a task to itself.

mod file;
mod recall;

pub use file::{MemoryError, Past, Written, write};

/// What the pack says of itself.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    processors: { "recall" => recall::Recall::new },
}
