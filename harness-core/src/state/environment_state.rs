//! What is known of the environment: what it showed last, which tools it offers, and whether it is over.

use harness_abi::{ToolSpec, stable::RString};
use serde::{Deserialize, Serialize};

/// Whose failure the record names.
pub(super) const ENVIRONMENT: &str = "environment";

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct EnvironmentState {
    /// Whether it was reset.
    pub ready: bool,
    pub done: bool,
    /// Whether somebody grades the end.
    graded: bool,
    pub reward: f64,
    pub tools: Vec<ToolSpec>,
    /// Its last answer, as it came.
    pub shown: RString,
}

static NOTHING: RString = RString::new();

/// The environment's last answer, as it came; empty when there is none.
pub(super) fn shown(environment: Option<&EnvironmentState>) -> &RString {
    environment.map_or(&NOTHING, |environment| &environment.shown)
}

impl EnvironmentState {
    pub fn new(graded: bool) -> Self {
        Self { graded, ..Self::default() }
    }

    pub fn is_ready(&self) -> bool {
        self.ready
    }

    pub fn is_done(&self) -> bool {
        self.done
    }

    pub fn is_graded(&self) -> bool {
        self.graded
    }

    pub fn tools(&self) -> &[ToolSpec] {
        &self.tools
    }
}
