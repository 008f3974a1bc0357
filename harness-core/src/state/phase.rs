//! Where an episode stands.

use harness_abi::Hook;
use serde::{Deserialize, Serialize};

/// Where an episode stands, in the order in which it begins, goes on and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Begin,
    Prepare,
    Open,
    TaskStart,
    StepBegin,
    StepStart,
    BeforeModel,
    Model,
    AfterModel,
    Turn,
    BeforeTool,
    Tools,
    AfterTool,
    StepEnd,
    Rules,
    Switch,
    Renewed,
    Record,
    Abandon,
    TaskEnd,
    FinalState,
    Grade,
    LastRecord,
    Close,
    Over,
}

impl Phase {
    /// The hook that processors answer in it.
    pub fn hook(self) -> Option<Hook> {
        Some(match self {
            Self::TaskStart | Self::Renewed => Hook::TaskStart,
            Self::StepStart => Hook::StepStart,
            Self::BeforeModel => Hook::BeforeModel,
            Self::AfterModel => Hook::AfterModel,
            Self::BeforeTool => Hook::BeforeTool,
            Self::AfterTool => Hook::AfterTool,
            Self::StepEnd => Hook::StepEnd,
            Self::TaskEnd => Hook::TaskEnd,
            _ => return None,
        })
    }
}
