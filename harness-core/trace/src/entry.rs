//! What an episode is made of, in the order it happened.

use harness_abi::{Finish, Grade, Hook, Message, Observation, Score, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CallKey, EpisodeSplit};

/// What is known of an episode before it runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EpisodeStart {
    /// Unique in the store.
    pub episode: String,
    /// The run it belongs to (one `harness bench`, one `harness evolve`).
    pub run: String,
    /// The episode it answered a call of; empty for one that nobody's call began.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parent: String,
    /// The harness's variant id.
    pub harness: String,
    /// The suite; empty outside benchmarks.
    pub suite: String,
    /// The split of its task.
    pub split: EpisodeSplit,
    /// The task.
    pub task: String,
    /// The task's group.
    pub group: String,
    /// Seed of the episode.
    pub seed: u64,
    /// Whether a stand-in for a language model took part.
    pub simulated: bool,
    /// Milliseconds since 1970, as the driver's clock says.
    pub started_ms: u64,
}

/// How an episode ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The environment said it is over, or the model answered without calling a tool and nothing more was asked.
    Done,
    /// A budget ran out; which one stands in the reason.
    Budget,
    /// A processor interrupted it.
    Interrupted,
    /// A module of the harness failed; counts as a failure of the harness.
    Fault,
    /// Something outside the harness failed (the environment, a model server): the pair is to be repeated.
    Infrastructure,
    /// It was told to stop.
    Cancelled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Budget, Self::Interrupted, Self::Fault, Self::Infrastructure, Self::Cancelled];

    /// The name in the record, in JSON and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Budget => "budget",
            Self::Interrupted => "interrupted",
            Self::Fault => "fault",
            Self::Infrastructure => "infrastructure",
            Self::Cancelled => "cancelled",
        }
    }

    /// The outcome of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Whether it says something of the harness; if not, the rollout is to be repeated.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Infrastructure | Self::Cancelled)
    }
}

/// Which question a model call answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The step's own request.
    Step,
    /// A question of the processor with this id.
    Ask(String),
    /// A question of the grader.
    Grade,
}

/// One thing that happened in an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// A message was appended to the history.
    Message {
        /// The message.
        message: Message,
    },
    /// Messages `start..end` of the history were replaced.
    Edited {
        /// First message replaced.
        start: u64,
        /// One past the last message replaced.
        end: u64,
        /// What stands there now.
        with: Vec<Message>,
    },
    /// The system prompt was set.
    System {
        /// The prompt.
        text: String,
    },
    /// A processor decided something; a *pass* leaves no entry.
    Decided {
        /// At which hook.
        hook: Hook,
        /// The processor's id in the harness.
        module: String,
        /// What, as JSON: an array of decisions.
        decisions: Value,
    },
    /// A model was asked for a reply.
    Chat {
        /// The model role.
        role: String,
        /// Names request, model and sample: equal keys mean equal replies.
        key: CallKey,
        /// What for.
        purpose: Purpose,
        /// Why the reply ended.
        finish: Finish,
        /// What it used, as if nothing had been replayed.
        usage: Usage,
        /// When it began, in microseconds after the episode; `None` in records of older programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began: Option<u64>,
        /// How long it took, in microseconds; for a replayed call, how long it took then.
        micros: u64,
        /// Whether the reply came out of the record.
        replayed: bool,
    },
    /// A model was asked for scores.
    Score {
        /// The model role.
        role: String,
        /// Names request and model.
        key: CallKey,
        /// What for.
        purpose: Purpose,
        /// What it used.
        usage: Usage,
        /// When it began, in microseconds after the episode; `None` in records of older programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began: Option<u64>,
        /// How long it took, in microseconds.
        micros: u64,
        /// Whether the scores came out of the record.
        replayed: bool,
    },
    /// A tool was called; its result is the next message that answers `id`.
    Tool {
        /// Joins the call to its result.
        id: String,
        /// The tool.
        name: String,
        /// The arguments it was given: JSON as text.
        arguments: String,
        /// Whether it reported failure.
        is_error: bool,
        /// When it began, in microseconds after the episode; `None` in records of older programs, and of a call that was answered out
        /// of an earlier attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began: Option<u64>,
        /// How long it took, in microseconds.
        micros: u64,
    },
    /// The environment answered.
    Observed {
        /// With what.
        observation: Observation,
    },
    /// A rule changed the live harness.
    Adapted {
        /// Index of the rule in the harness.
        rule: usize,
        /// Variant id before.
        from: String,
        /// Variant id after.
        to: String,
    },
    /// A module failed or broke its hook's contract.
    Fault {
        /// At which hook, if at one.
        hook: Option<Hook>,
        /// The module: a processor's id, a tool's or model's reference.
        module: String,
        /// The error's class.
        class: String,
        /// The error.
        message: String,
    },
}

impl Entry {
    /// Its `type` in JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message { .. } => "message",
            Self::Edited { .. } => "edited",
            Self::System { .. } => "system",
            Self::Decided { .. } => "decided",
            Self::Chat { .. } => "chat",
            Self::Score { .. } => "score",
            Self::Tool { .. } => "tool",
            Self::Observed { .. } => "observed",
            Self::Adapted { .. } => "adapted",
            Self::Fault { .. } => "fault",
        }
    }
}

/// What is known of an episode once it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeEnd {
    /// How.
    pub outcome: Outcome,
    /// Why, for a person.
    pub reason: String,
    /// Steps taken.
    pub steps: u64,
    /// Sum over its model calls, as if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what replayed calls account for.
    pub replayed: Usage,
    /// Wall clock in microseconds.
    pub micros: u64,
    /// The environment's final state; null without environment.
    pub state: Value,
    /// The grader's grade, if it was graded.
    pub grade: Option<Grade>,
}

/// A model call as it is kept: the reply to a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredChat {
    /// The reply's message.
    pub message: Message,
    /// Why it ended.
    pub finish: Finish,
    /// What it used.
    pub usage: Usage,
    /// Its extra, JSON as text.
    pub extra: String,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// A model call as it is kept: scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredScores {
    /// The scores.
    pub scores: Vec<Score>,
    /// What they used.
    pub usage: Usage,
    /// How long it took, in microseconds.
    pub micros: u64,
}
