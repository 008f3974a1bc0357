//! The eight lifecycle hooks and the five kinds of module: the two closed lists everything else refers to.

use serde::{Deserialize, Serialize};

/// A point of an episode at which processors are called.
///
/// `task_start → [step_start → before_model → MODEL → after_model → (before_tool → TOOL → after_tool)* → step_end]* → task_end`
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// The task begins; the system prompt may change.
    TaskStart,
    /// A step begins; the history may be edited structurally.
    StepStart,
    /// The request is ready; last user content, visible tools, output constraint and model role may change.
    BeforeModel,
    /// The response came; its content and tool calls may change.
    AfterModel,
    /// A tool call is ready; its input may change, it may be approved or denied.
    BeforeTool,
    /// A tool result came; it may change.
    AfterTool,
    /// The step is done; a mid-task adaptation may be asked for.
    StepEnd,
    /// The task is done; annotations only.
    TaskEnd,
}

impl Hook {
    /// All hooks in call order.
    pub const ALL: [Self; 8] = [
        Self::TaskStart,
        Self::StepStart,
        Self::BeforeModel,
        Self::AfterModel,
        Self::BeforeTool,
        Self::AfterTool,
        Self::StepEnd,
        Self::TaskEnd,
    ];

    /// The number that crosses the plugin ABI.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The hook of a number; `None` for one of a newer host.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(code as usize).copied()
    }

    /// The name used in manifests, traces and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskStart => "task_start",
            Self::StepStart => "step_start",
            Self::BeforeModel => "before_model",
            Self::AfterModel => "after_model",
            Self::BeforeTool => "before_tool",
            Self::AfterTool => "after_tool",
            Self::StepEnd => "step_end",
            Self::TaskEnd => "task_end",
        }
    }
}

/// What a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Answers lifecycle hooks with decisions; one instance per episode.
    Processor,
    /// Something the model may call.
    Tool,
    /// Chats and scores; shared and concurrent.
    Model,
    /// A world with tasks; one instance per episode.
    Environment,
    /// Turns a final state into a reward; shared.
    Grader,
}
