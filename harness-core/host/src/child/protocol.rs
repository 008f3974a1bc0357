//! What crosses between a host and a child process: named maps in MessagePack, so that fields may be added. Refuses parts,
//! decisions and questions of kinds this version does not know, instead of leaving them out.

use std::borrow::Cow;

use harness_abi::{
    BudgetLeft, ChatReply, Finish, Kind, Message, ModuleError, Score, ScoreReply, Usage, stable::RString,
};
use harness_spec::Permission;
use serde::{Deserialize, Serialize};

use super::{
    encoded_decision::{EncodedAnswer, EncodedDecision},
    encoded_parts::{EncodedError, EncodedItems},
};

/// The first thing a child receives, on its control socket: what to run and what it may do.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The private copy of the pack.
    pub copy: String,
    /// Its manifest as inspected: the code must say the same.
    pub manifest: String,
    /// What all its modules together may do.
    pub permissions: Vec<Permission>,
    /// Most bytes of memory of its own.
    pub memory: u64,
    /// Whether it may run where the kernel cannot confine it.
    pub unconfined: bool,
    /// Files and folders it does not write.
    #[serde(default)]
    pub guarded: Vec<String>,
    /// Most milliseconds dropping an instance may take.
    pub drop_millis: u64,
}

/// What a child says to its setup.
#[derive(Debug, Serialize, Deserialize)]
pub enum Welcome {
    /// The pack is loaded; channels are welcome.
    Ready,
    /// It is not, and why.
    Refused(String),
}

/// One call of a host. `dropped`: instances nobody needs any more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope<'a> {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<u64>,
    #[serde(borrow)]
    pub request: Request<'a>,
}

/// What is asked of a child. Answered with [`Event::Done`].
#[derive(Debug, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Builds an instance under a number of the host's choice.
    Make { id: u64, kind: Kind, name: &'a str, config: &'a str },
    /// Calls a processor.
    Hook(#[serde(borrow)] Box<HookCall<'a>>),
    /// What a tool offers, what a model is.
    Describe { id: u64 },
    /// Calls a tool.
    Tool { id: u64, call: &'a str, name: &'a str, arguments: &'a str, seed: u64, extra: &'a str },
    /// Has a model reply.
    Chat {
        id: u64,
        messages: Cow<'a, [Message]>,
        tools: &'a str,
        constraint: &'a str,
        sampling: &'a str,
        extra: &'a str,
    },
    /// Has a model score.
    Score { id: u64, items: EncodedItems, extra: &'a str },
    /// An operation of an environment on one text.
    Environment { id: u64, operation: Operation, text: &'a str, seed: u64 },
    /// Has a grader judge.
    Grade { id: u64, task: &'a str, state: &'a str, history: Cow<'a, [Message]> },
}

/// What an environment is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    Tasks,
    Reset,
    Step,
    State,
    Oracle,
}

/// A hook: what it is about. Everything else is pulled when the module asks for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct HookCall<'a> {
    pub id: u64,
    pub hook: u32,
    pub step: u64,
    pub seed: u64,
    /// Steps, tokens, milliseconds, cost left.
    pub budget: [u64; 4],
    /// So many messages of the mirrored history stay as they are.
    pub keep: u64,
    /// These follow them.
    #[serde(default, skip_serializing_if = "<[Message]>::is_empty")]
    pub add: Cow<'a, [Message]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Cow<'a, Message>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub call: Option<EncodedCall<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Cow<'a, Message>>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub outcome: &'a str,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<EncodedAnswer>,
}

/// A tool call a hook is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct EncodedCall<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
}

/// What a child says during a call.
#[derive(Debug, Serialize, Deserialize)]
pub enum Event<'a> {
    /// Which thread serves the channel, by the kernel's number; the first thing said on it.
    Serves { thread: i32 },
    /// Asks for a value of the context; answered with one [`Given`].
    Pull(#[serde(borrow)] Pull<'a>),
    /// Writes the episode's shared state.
    Put { key: &'a str, value: &'a str },
    /// A line for the log.
    Log { level: u8, line: &'a str },
    /// A piece of a reply.
    Delta { kind: u32, text: &'a str },
    /// The answer; the last of the call.
    Done(Reply),
}

/// What a module may ask of its context.
#[derive(Debug, Serialize, Deserialize)]
pub enum Pull<'a> {
    Episode,
    System,
    Tools,
    Visible,
    Observation,
    Constraint,
    Sampling,
    ResponseExtra,
    Model {
        role: &'a str,
    },
    Get {
        key: &'a str,
    },
    Blob {
        hash: &'a str,
    },
    PutBlob {
        media_type: &'a str,
        #[serde(with = "bytes")]
        bytes: Cow<'a, [u8]>,
    },
    Cancelled,
}

/// What the host says during a call.
#[derive(Debug, Serialize, Deserialize)]
pub enum Given<'a> {
    /// There is none.
    Nothing,
    Text(#[serde(borrow)] Cow<'a, str>),
    Names(Vec<RString>),
    Bytes(#[serde(with = "bytes")] Cow<'a, [u8]>),
    Flag(bool),
    /// Unasked: the host lost interest in the call.
    Cancel,
}

/// A call's answer.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The instance stands.
    Made,
    /// No decision.
    Pass,
    Decisions(Vec<EncodedDecision>),
    /// JSON, or the text of a tool.
    Text(RString),
    /// A tool's output as JSON.
    Output(RString),
    /// The text of a tool that failed.
    ErrorText(RString),
    Chat {
        message: Message,
        finish: Finish,
        usage: Usage,
        extra: RString,
    },
    Scores {
        scores: Vec<Score>,
        usage: Usage,
        extra: RString,
    },
    Failed(EncodedError),
    /// The module dropped its sink.
    GaveUp,
}

impl From<&Reply> for &'static str {
    /// What kind of answer it is.
    fn from(reply: &Reply) -> Self {
        match reply {
            Reply::Made => "an instance",
            Reply::Pass | Reply::Decisions(_) => "decisions",
            Reply::Text(_) | Reply::ErrorText(_) | Reply::Output(_) => "a text",
            Reply::Chat { .. } => "a chat's reply",
            Reply::Scores { .. } => "scores",
            Reply::Failed(_) => "an error",
            Reply::GaveUp => "nothing",
        }
    }
}

impl From<ChatReply> for Reply {
    fn from(reply: ChatReply) -> Self {
        let ChatReply { message, finish, usage, extra } = reply;
        Self::Chat { message, finish, usage, extra }
    }
}

impl From<ScoreReply> for Reply {
    fn from(reply: ScoreReply) -> Self {
        let ScoreReply { scores, usage, extra } = reply;
        Self::Scores { scores: scores.into(), usage, extra }
    }
}

impl From<ModuleError> for Reply {
    fn from(error: ModuleError) -> Self {
        Self::Failed(error.into())
    }
}

pub fn budget(left: BudgetLeft) -> [u64; 4] {
    [left.steps, left.tokens, left.millis, left.cost_micros]
}

pub fn budget_left([steps, tokens, millis, cost_micros]: [u64; 4]) -> BudgetLeft {
    BudgetLeft { steps, tokens, millis, cost_micros }
}

/// Bytes as bytes, not as a list of numbers.
mod bytes {
    use std::borrow::Cow;

    use serde::{Deserializer, Serializer, de::Visitor};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, [u8]>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes).map(Cow::Owned)
    }
}
