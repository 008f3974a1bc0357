//! How an episode ends.

use harness_trace::Outcome;
use serde::{Deserialize, Serialize};

/// Why an episode ends that was told to.
pub(super) const TOLD_TO_STOP: &str = "it was told to stop";

/// How an episode ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ending {
    pub outcome: Outcome,
    pub reason: String,
    /// Both, as task_end receives it.
    pub text: String,
}

impl Ending {
    pub fn new(outcome: Outcome, reason: String) -> Self {
        Self { outcome, text: format!("{}: {reason}", outcome.name()), reason }
    }
}
