//! Decisions: what a processor may answer. Data, judged by the host against the hook's contract, and recorded.

use abi_stable::{
    StableAbi,
    std_types::{RString, RVec},
};

use crate::{ChatReply, Constraint, Message, ModuleError, Sampling, ScoreReply, ScoreRequest, ToolSpec, kit};

/// Replaces messages `start..end` of the history by `with`: drops, inserts or rewrites.
///
/// Indices are those of the history the processor saw; edits of one decision must not overlap and come in rising order.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq)]
pub struct HistoryEdit {
    /// First message replaced.
    pub start: u64,
    /// One past the last message replaced.
    pub end: u64,
    /// What stands there afterwards.
    pub with: RVec<Message>,
}

/// A chat that a processor asks for; owned, because it outlives the hook's call.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AskChat {
    /// The model role asked (`main`, `judge`); `main` when empty.
    pub role: RString,
    /// The conversation.
    pub messages: RVec<Message>,
    /// JSON array of [`ToolSpec`]; empty for none.
    pub tools_json: RString,
    /// [`Constraint`] as JSON; empty for free.
    pub constraint_json: RString,
    /// [`Sampling`] as JSON; empty for the defaults.
    pub sampling_json: RString,
    /// JSON for what later versions add; empty now.
    pub extra: RString,
}

impl AskChat {
    /// A free, greedy chat with the main model.
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        Self {
            role: RString::new(),
            messages: messages.into_iter().collect(),
            tools_json: RString::new(),
            constraint_json: RString::new(),
            sampling_json: RString::new(),
            extra: RString::new(),
        }
    }

    /// Asks another role than `main`.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.role = role.into();
        self
    }

    /// Constrains the reply.
    #[must_use]
    pub fn constraint(mut self, constraint: &Constraint) -> Self {
        self.constraint_json = kit::json(constraint);
        self
    }

    /// Says how tokens are drawn.
    #[must_use]
    pub fn sampling(mut self, sampling: &Sampling) -> Self {
        self.sampling_json = kit::json(sampling);
        self
    }

    /// Offers tools.
    #[must_use]
    pub fn tools(mut self, tools: &[ToolSpec]) -> Self {
        self.tools_json = kit::json(&tools);
        self
    }
}

/// Scores that a processor asks for.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AskScore {
    /// The model role asked; `main` when empty.
    pub role: RString,
    /// What to score.
    pub request: ScoreRequest,
}

/// A question to a model, asked by a module with the permission `model`.
#[repr(u8)]
#[derive(StableAbi, Debug, Clone, PartialEq)]
#[sabi(kind(WithNonExhaustive(size = [usize; 32], align = 8, traits(Debug, Clone, PartialEq, Send, Sync))))]
#[non_exhaustive]
pub enum Ask {
    /// A chat.
    Chat {
        /// The request.
        chat: AskChat,
    },
    /// Scores.
    Score {
        /// The request.
        score: AskScore,
    },
}

/// The answer to an [`Ask`].
#[repr(u8)]
#[derive(StableAbi, Debug, Clone, PartialEq)]
#[sabi(kind(WithNonExhaustive(size = [usize; 32], align = 8, traits(Debug, Clone, PartialEq, Send, Sync))))]
#[non_exhaustive]
pub enum Answer {
    /// A chat's reply.
    Chat {
        /// The reply.
        reply: ChatReply,
    },
    /// Scores.
    Score {
        /// The scores.
        reply: ScoreReply,
    },
    /// The model could not.
    Failed {
        /// Why.
        error: ModuleError,
    },
}

/// What a processor decides. No decision at all is *pass*.
///
/// | decision | task_start | step_start | before_model | after_model | before_tool | after_tool | step_end | task_end |
/// |---|---|---|---|---|---|---|---|---|
/// | `SetSystem` | ✓ | | | | | | | |
/// | `EditHistory` | | ✓ | | | | | | |
/// | `SetLastUser`, `AppendUser`, `ShowTools`, `Constrain`, `UseModel`, `Sample` | | | ✓ | | | | | |
/// | `SetResponse` | | | | ✓ | | | | |
/// | `SetArguments` | | | | | ✓ | | | |
/// | `SetResult` | | | | | | ✓ | | |
/// | `Split` | | | | ✓ | ✓ | | | |
/// | `Answer` (intercept) | | | ✓ | | ✓ | | | |
/// | `Interrupt` | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | | |
/// | `Adapt` | | | | | | | ✓ | |
/// | `Annotate` | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |
/// | `Ask` | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | |
#[repr(u8)]
#[derive(StableAbi, Debug, Clone, PartialEq)]
#[sabi(kind(WithNonExhaustive(size = [usize; 16], align = 8, traits(Debug, Clone, PartialEq, Send, Sync))))]
#[non_exhaustive]
pub enum Decision {
    /// Transform: the system prompt becomes `text`.
    SetSystem {
        /// The prompt.
        text: RString,
    },
    /// Transform: the history changes structurally.
    EditHistory {
        /// The edits.
        edits: RVec<HistoryEdit>,
    },
    /// Transform: the last message, if a user's, says `text` instead.
    SetLastUser {
        /// The text.
        text: RString,
    },
    /// Transform: one user message more.
    AppendUser {
        /// The text.
        text: RString,
    },
    /// Transform: the model sees only these of the tools, in this order.
    ShowTools {
        /// Names.
        names: RVec<RString>,
    },
    /// Transform: what the reply must look like.
    Constrain {
        /// [`Constraint`] as JSON.
        constraint_json: RString,
    },
    /// Transform: another role answers this step.
    UseModel {
        /// The role.
        role: RString,
    },
    /// Transform: how tokens are drawn this step.
    Sample {
        /// [`Sampling`] as JSON.
        sampling_json: RString,
    },
    /// Transform: the model's response.
    SetResponse {
        /// An assistant message.
        message: Message,
    },
    /// Transform: the arguments of the tool call.
    SetArguments {
        /// JSON object as text.
        arguments: RString,
    },
    /// Transform: the tool's result.
    SetResult {
        /// The text the model sees.
        text: RString,
        /// Whether it is a failure.
        is_error: bool,
    },
    /// Split: the response (after_model) or the call (before_tool) becomes several, in order.
    Split {
        /// Assistant messages; before_tool takes the tool calls in them.
        messages: RVec<Message>,
    },
    /// Intercept: this is the response (before_model) or the result (before_tool); model or tool is not called.
    Answer {
        /// An assistant message, or a tool message.
        message: Message,
    },
    /// Interrupt: the episode ends.
    Interrupt {
        /// Why.
        reason: RString,
    },
    /// Asks the host to consider its adaptation rules as if condition `signal` held.
    Adapt {
        /// Name of the signal.
        signal: RString,
    },
    /// A note in the record.
    Annotate {
        /// What it is about.
        key: RString,
        /// JSON.
        value_json: RString,
    },
    /// Questions to models; the hook is called again with the answers.
    Ask {
        /// The questions, answered in this order.
        questions: RVec<Ask_NE>,
    },
}

/// A decision as it crosses: decisions of newer versions survive in it and are refused by name.
pub type StoredDecision = Decision_NE;
/// A question as it crosses.
pub type StoredAsk = Ask_NE;
/// An answer as it crosses.
pub type StoredAnswer = Answer_NE;

impl Decision {
    /// Sets the system prompt.
    pub fn system(text: impl Into<String>) -> Self {
        Self::SetSystem { text: text.into().into() }
    }

    /// Constrains the reply.
    pub fn constrain(constraint: &Constraint) -> Self {
        Self::Constrain { constraint_json: kit::json(constraint) }
    }

    /// Shows only these tools.
    pub fn show_tools(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::ShowTools { names: names.into_iter().map(|name| RString::from(name.into())).collect() }
    }

    /// Ends the episode.
    pub fn interrupt(reason: impl Into<String>) -> Self {
        Self::Interrupt { reason: reason.into().into() }
    }

    /// Writes a note into the record.
    pub fn annotate(key: &str, value: &impl serde::Serialize) -> Self {
        Self::Annotate { key: key.into(), value_json: kit::json(value) }
    }
}
