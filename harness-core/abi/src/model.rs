//! Models: the two operations, `chat` and `score`, and what travels with them.

use abi_stable::{
    StableAbi, sabi_trait,
    sabi_trait::TD_Opaque,
    std_types::{RBox, RResult, RSlice, RStr, RString, RVec},
};

use crate::{Constraint, Message, ModelInfo, ModuleError, ReplyExtra, Sampling, ScoreExtra, ToolSpec};

/// A request for a reply, borrowed: a model has read what it needs of it when its `chat` returns.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct ChatRequest<'a> {
    /// The conversation; a system message comes first when there is one.
    pub messages: RSlice<'a, Message>,
    /// The tools it may call: a JSON array of [`ToolSpec`]; empty for none.
    pub tools_json: RStr<'a>,
    /// [`Constraint`] as JSON; empty for free.
    pub constraint_json: RStr<'a>,
    /// [`Sampling`] as JSON; empty for the defaults.
    pub sampling_json: RStr<'a>,
    /// JSON for what later versions add; empty now.
    pub extra: RStr<'a>,
}

fn read<T: serde::de::DeserializeOwned + Default>(json: &str, what: &str) -> Result<T, ModuleError> {
    if json.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(json).map_err(|error| ModuleError::input(format_args!("{what} does not parse: {error}")))
}

impl ChatRequest<'_> {
    /// The tools it may call.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn tools(&self) -> Result<Vec<ToolSpec>, ModuleError> {
        read(self.tools_json.as_str(), "the request's tools")
    }

    /// What the reply must look like.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn constraint(&self) -> Result<Constraint, ModuleError> {
        read(self.constraint_json.as_str(), "the request's constraint")
    }

    /// How tokens are drawn.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn sampling(&self) -> Result<Sampling, ModuleError> {
        read(self.sampling_json.as_str(), "the request's sampling")
    }
}

/// Tokens and money spent.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Tokens of the prompt (`gen_ai.usage.input_tokens`), cached ones included.
    pub input_tokens: u64,
    /// Of these, tokens read from a cache.
    pub cached_tokens: u64,
    /// Tokens of the reply (`gen_ai.usage.output_tokens`).
    pub output_tokens: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

impl Usage {
    /// Whether nothing was spent.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.cached_tokens += other.cached_tokens;
        self.output_tokens += other.output_tokens;
        self.cost_micros += other.cost_micros;
    }
}

/// Why a reply ended.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Finish(pub u32);

impl Finish {
    /// It was complete.
    pub const STOP: Self = Self(0);
    /// It ran into its limit of tokens.
    pub const LENGTH: Self = Self(1);
    /// It wants tools called.
    pub const TOOL_CALLS: Self = Self(2);
    /// A filter of the provider stopped it.
    pub const FILTERED: Self = Self(3);

    /// The name in `gen_ai.response.finish_reasons`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::STOP => "stop",
            Self::LENGTH => "length",
            Self::TOOL_CALLS => "tool_calls",
            Self::FILTERED => "content_filter",
            _ => "other",
        }
    }
}

/// A model's reply.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ChatReply {
    /// Its message: text, reasoning, tool calls.
    pub message: Message,
    /// Why it ended.
    pub finish: Finish,
    /// What it used.
    pub usage: Usage,
    /// [`ReplyExtra`] as JSON; empty for none.
    pub extra: RString,
}

impl ChatReply {
    /// A complete reply of plain text with no usage to report.
    pub fn text(text: impl Into<String>) -> Self {
        Self { message: Message::assistant(text), finish: Finish::STOP, usage: Usage::default(), extra: RString::new() }
    }

    /// What it carries besides its message.
    ///
    /// # Errors
    ///
    /// When the text is not of this form.
    pub fn extra(&self) -> Result<ReplyExtra, ModuleError> {
        read(self.extra.as_str(), "the reply's extra")
    }

    /// Attaches `extra`.
    #[must_use]
    pub fn with_extra(mut self, extra: &ReplyExtra) -> Self {
        self.extra = crate::kit::json(extra);
        self
    }
}

/// One thing to score: log p(completion | prompt).
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ScoreItem {
    /// The conversation so far. Messages are shared, so many items may share a prompt for nothing.
    pub prompt: RVec<Message>,
    /// The assistant text whose probability is asked, without an end-of-turn mark.
    pub completion: RString,
}

impl ScoreItem {
    /// An item.
    pub fn new(prompt: &[Message], completion: &str) -> Self {
        Self { prompt: prompt.iter().cloned().collect(), completion: completion.into() }
    }
}

/// A request for log-probabilities.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ScoreRequest {
    /// What to score.
    pub items: RVec<ScoreItem>,
    /// [`ScoreExtra`] as JSON; empty for none.
    pub extra: RString,
}

impl ScoreRequest {
    /// A request for these items.
    pub fn new(items: impl IntoIterator<Item = ScoreItem>) -> Self {
        Self { items: items.into_iter().collect(), extra: RString::new() }
    }

    /// Asks for completions of plain text: prompts are read without a chat template. A model that can do it says so by the capability
    /// `completion`.
    #[must_use]
    pub fn raw(mut self) -> Self {
        self.extra = crate::kit::json(&ScoreExtra { raw: true });
        self
    }

    /// What it asks besides its items.
    ///
    /// # Errors
    ///
    /// When the text is not of this form.
    pub fn extra(&self) -> Result<ScoreExtra, ModuleError> {
        read(self.extra.as_str(), "the score request's extra")
    }
}

/// The score of one item.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Score {
    /// log p(completion | prompt), natural logarithm.
    pub logprob: f64,
    /// Tokens of the completion.
    pub tokens: u32,
}

/// The scores of a request, in its order.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ScoreReply {
    /// One for each item.
    pub scores: RVec<Score>,
    /// What it used.
    pub usage: Usage,
    /// JSON for what later versions add; empty now.
    pub extra: RString,
}

/// What a piece of a streamed reply is.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaKind(pub u32);

impl DeltaKind {
    /// Text of the reply.
    pub const TEXT: Self = Self(0);
    /// Text of its reasoning.
    pub const REASONING: Self = Self(1);
    /// A fragment of a tool call's arguments.
    pub const ARGUMENTS: Self = Self(2);
}

/// Where a chat is answered: deltas as they come, then the reply, from any thread.
///
/// Dropped without an answer, it tells the host that the module gave up.
#[sabi_trait]
pub trait RawChatSink: Send {
    /// Passes on a piece; `false` asks the model to stop.
    fn delta(&self, kind: DeltaKind, text: RStr<'_>) -> bool;
    /// Whether the host lost interest.
    fn cancelled(&self) -> bool;
    /// The answer; the last call.
    #[sabi(last_prefix_field)]
    fn finish(self, reply: RResult<ChatReply, ModuleError>);
}

/// Where a score is answered, from any thread.
#[sabi_trait]
pub trait RawScoreSink: Send {
    /// Whether the host lost interest.
    fn cancelled(&self) -> bool;
    /// The answer; the last call.
    #[sabi(last_prefix_field)]
    fn finish(self, reply: RResult<ScoreReply, ModuleError>);
}

/// A sink as a model receives it.
pub type ChatSink = RawChatSink_TO<'static, RBox<()>>;
/// A sink as a model receives it.
pub type ScoreSink = RawScoreSink_TO<'static, RBox<()>>;

/// A chat's sink out of a host's own type.
pub fn chat_sink(sink: impl RawChatSink + 'static) -> ChatSink {
    RawChatSink_TO::from_value(sink, TD_Opaque)
}

/// A score's sink out of a host's own type.
pub fn score_sink(sink: impl RawScoreSink + 'static) -> ScoreSink {
    RawScoreSink_TO::from_value(sink, TD_Opaque)
}

/// A model as the host sees it.
#[sabi_trait]
pub trait RawModel: Send + Sync {
    /// [`ModelInfo`] as JSON.
    fn info(&self) -> RResult<RString, ModuleError>;
    /// Begins a reply; reads the request before it returns.
    fn chat(&self, request: &ChatRequest<'_>, sink: ChatSink);
    /// Begins scoring.
    #[sabi(last_prefix_field)]
    fn score(&self, request: ScoreRequest, sink: ScoreSink);
}

/// A model as its author writes it: shared by all episodes, called concurrently.
///
/// Implement `chat` (and `score`) and block for as long as it takes; or implement `start_chat`/`start_score`, return at
/// once and answer the sink later from a thread of your own (then declare `blocking = false`).
pub trait Model: Send + Sync + 'static {
    /// What the model is and can do.
    fn info(&self) -> ModelInfo;

    /// Answers a conversation.
    ///
    /// # Errors
    ///
    /// Of a class that says whether asking again may help; of class `unsupported` for what it cannot do.
    fn chat(&self, request: &ChatRequest<'_>, sink: &ChatSink) -> Result<ChatReply, ModuleError>;

    /// Scores completions.
    ///
    /// # Errors
    ///
    /// Of a class that says whether asking again may help; of class `unsupported` for what it cannot do.
    fn score(&self, request: &ScoreRequest, sink: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        let _ = (request, sink);
        Err(ModuleError::unsupported("this model cannot score; use one that provides `score`"))
    }

    /// Begins a reply; by default runs [`Model::chat`] here.
    fn start_chat(&self, request: &ChatRequest<'_>, sink: ChatSink) {
        let reply = crate::kit::guarded(|| self.chat(request, &sink));
        sink.finish(reply);
    }

    /// Begins scoring; by default runs [`Model::score`] here.
    fn start_score(&self, request: &ScoreRequest, sink: ScoreSink) {
        let reply = crate::kit::guarded(|| self.score(request, &sink));
        sink.finish(reply);
    }
}
