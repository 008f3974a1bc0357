//! Where an episode stands.

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
