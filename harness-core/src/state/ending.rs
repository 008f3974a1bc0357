//! How an episode ends.

use harness_abi::ErrorClass;
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

/// Whether a model that fails so fails for reasons outside the harness: it is not there now, or it refuses the key or knows no model of
/// that name. The latter do not pass by themselves, so no fallback stands in and hides them, but a harness is no worse for them.
pub(super) fn is_outside(class: ErrorClass) -> bool {
    class.is_transient() || class == ErrorClass::CONFIG
}
