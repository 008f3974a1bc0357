//! What a check of a suite says of one task.

use serde::Serialize;

/// A task and what became of a reply to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The task.
    pub task: String,
    /// What happened.
    pub why: String,
}
