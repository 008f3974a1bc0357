//! The context: a lazily pulled, borrowed view of the running episode. Nothing is copied until it is asked for.

use abi_stable::{
    StableAbi, sabi_trait,
    sabi_trait::TD_Opaque,
    sabi_types::RRef,
    std_types::{ROption, RSlice, RStr, RString, RVec},
};
use std::cell::{Cell, RefCell};

use crate::{
    Answer, Ask, AskChat, AskScore, Call, ChatReply, Constraint, Message, ModuleError, Observation, Sampling,
    ScoreReply, ScoreRequest, Stop, StoredAnswer, StoredAsk, ToolSpec,
};

/// What is left of the episode's budgets; `u64::MAX` means no limit.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLeft {
    /// Steps, the present one included.
    pub steps: u64,
    /// Tokens of prompts and replies.
    pub tokens: u64,
    /// Milliseconds of wall clock.
    pub millis: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

/// The tool call a before_tool or after_tool hook is about.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct RawCall<'a> {
    /// Joins the call to its result.
    pub id: RStr<'a>,
    /// The tool's name.
    pub name: RStr<'a>,
    /// The arguments: JSON as text.
    pub arguments: RStr<'a>,
}

/// The context as it crosses the plugin ABI; authors use [`Cx`].
#[sabi_trait]
pub trait RawContext {
    /// The episode's identity.
    fn episode(&self) -> RStr<'_>;
    /// The step, from 0.
    fn step(&self) -> u64;
    /// Seed of this module in this episode and step.
    fn seed(&self) -> u64;
    /// The system prompt, empty when none.
    fn system(&self) -> RStr<'_>;
    /// The conversation without the system message.
    fn history(&self) -> RSlice<'_, Message>;
    /// All tools on offer: a JSON array of [`ToolSpec`].
    fn tools(&self) -> RStr<'_>;
    /// Names of the tools the model will see, in order (before_model and later).
    fn visible_tools(&self) -> RSlice<'_, RString>;
    /// The last observation of the environment as JSON; empty when there is none.
    fn observation(&self) -> RStr<'_>;
    /// The output constraint as JSON; empty for free.
    fn constraint(&self) -> RStr<'_>;
    /// How tokens will be drawn, as JSON.
    fn sampling(&self) -> RStr<'_>;
    /// The model's response (after_model).
    fn response(&self) -> ROption<&Message>;
    /// The response's extra as JSON (after_model); empty when none.
    fn response_extra(&self) -> RStr<'_>;
    /// The tool call (before_tool, after_tool).
    fn call(&self) -> ROption<RawCall<'_>>;
    /// The tool's result (after_tool).
    fn result(&self) -> ROption<&Message>;
    /// Why the episode ended (task_end); empty before.
    fn outcome(&self) -> RStr<'_>;
    /// Answers to what this call asked so far.
    fn answers(&self) -> RSlice<'_, StoredAnswer>;
    /// What is left to spend.
    fn budget(&self) -> BudgetLeft;
    /// `ModelInfo` of a role as JSON; empty when there is no such role.
    fn model(&self, role: RStr<'_>) -> RString;
    /// Reads the episode's shared state.
    fn get(&self, key: RStr<'_>) -> ROption<RString>;
    /// Writes the episode's shared state.
    fn put(&self, key: RStr<'_>, value: RString);
    /// Bytes kept outside messages.
    fn blob(&self, hash: RStr<'_>) -> ROption<RVec<u8>>;
    /// Keeps bytes outside messages; gives their hash.
    fn put_blob(&self, media_type: RStr<'_>, bytes: RSlice<'_, u8>) -> RString;
    /// Whether the host lost interest.
    fn cancelled(&self) -> bool;
    /// A line for the log; levels as in syslog (3 error, 4 warning, 6 info, 7 debug).
    #[sabi(last_prefix_field)]
    fn log(&self, level: u8, line: RStr<'_>);
}

/// A borrowed context object.
pub type ContextRef<'a> = RawContext_TO<'a, RRef<'a, ()>>;

/// Wraps a host's context for a call: free, nothing is copied.
pub fn context<T: RawContext>(context: &T) -> ContextRef<'_> {
    RawContext_TO::from_ptr(RRef::new(context), TD_Opaque)
}

/// The context as an author sees it.
pub struct Cx<'a> {
    raw: &'a ContextRef<'a>,
    asked: Cell<usize>,
    pending: RefCell<Vec<StoredAsk>>,
}

fn read<T: serde::de::DeserializeOwned>(json: &str, what: &str) -> Result<T, ModuleError> {
    serde_json::from_str(json)
        .map_err(|error| ModuleError::fault(format_args!("the host's {what} does not parse: {error}")))
}

impl<'a> Cx<'a> {
    /// Wraps what the host gave.
    #[doc(hidden)]
    pub fn new<'host: 'a>(raw: &'a ContextRef<'host>) -> Self {
        // SAFETY: only shortens a lifetime. The generated trait object is invariant in it for the compiler's purposes,
        // but its methods only hand out data borrowed from `&self`, which lives for `'a`.
        let raw = unsafe { std::mem::transmute::<&'a ContextRef<'host>, &'a ContextRef<'a>>(raw) };
        Self { raw, asked: Cell::new(0), pending: RefCell::new(Vec::new()) }
    }

    #[doc(hidden)]
    pub fn into_pending(self) -> RVec<StoredAsk> {
        self.pending.into_inner().into()
    }

    /// The episode's identity.
    pub fn episode(&self) -> &str {
        self.raw.episode().as_str()
    }

    /// The step, from 0.
    pub fn step(&self) -> u64 {
        self.raw.step()
    }

    /// Seed of this module in this episode and step: the only randomness a module may use.
    pub fn seed(&self) -> u64 {
        self.raw.seed()
    }

    /// The system prompt, empty when none.
    pub fn system(&self) -> &str {
        self.raw.system().as_str()
    }

    /// The conversation without the system message, borrowed.
    pub fn history(&self) -> &[Message] {
        self.raw.history().as_slice()
    }

    /// All tools on offer.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn tools(&self) -> Result<Vec<ToolSpec>, ModuleError> {
        read(self.raw.tools().as_str(), "tools")
    }

    /// Names of the tools the model will see, in order.
    pub fn visible_tools(&self) -> impl Iterator<Item = &str> {
        self.raw.visible_tools().as_slice().iter().map(RString::as_str)
    }

    /// The last observation of the environment.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn observation(&self) -> Result<Option<Observation>, ModuleError> {
        match self.raw.observation().as_str() {
            "" => Ok(None),
            json => read(json, "observation").map(Some),
        }
    }

    /// What the reply must look like.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn constraint(&self) -> Result<Constraint, ModuleError> {
        match self.raw.constraint().as_str() {
            "" => Ok(Constraint::Free),
            json => read(json, "constraint"),
        }
    }

    /// How tokens will be drawn.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn sampling(&self) -> Result<Sampling, ModuleError> {
        match self.raw.sampling().as_str() {
            "" => Ok(Sampling::default()),
            json => read(json, "sampling"),
        }
    }

    /// What the response carries besides its message (after_model).
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn response_extra(&self) -> Result<crate::ReplyExtra, ModuleError> {
        match self.raw.response_extra().as_str() {
            "" => Ok(crate::ReplyExtra::default()),
            json => read(json, "response extra"),
        }
    }

    /// What is left to spend.
    pub fn budget(&self) -> BudgetLeft {
        self.raw.budget()
    }

    /// What the model of a role says of itself.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn model(&self, role: &str) -> Result<Option<crate::ModelInfo>, ModuleError> {
        match self.raw.model(role.into()).as_str() {
            "" => Ok(None),
            json => read(json, "model info").map(Some),
        }
    }

    /// Reads the episode's state, shared by its processors.
    pub fn get(&self, key: &str) -> Option<String> {
        self.raw.get(key.into()).into_option().map(String::from)
    }

    /// Writes the episode's state.
    pub fn put(&self, key: &str, value: impl Into<String>) {
        self.raw.put(key.into(), value.into().into());
    }

    /// Bytes kept outside messages.
    pub fn blob(&self, hash: &str) -> Option<Vec<u8>> {
        self.raw.blob(hash.into()).into_option().map(Vec::from)
    }

    /// Keeps bytes outside messages; gives their hash.
    pub fn put_blob(&self, media_type: &str, bytes: &[u8]) -> String {
        self.raw.put_blob(media_type.into(), bytes.into()).into()
    }

    /// Whether the host lost interest.
    pub fn cancelled(&self) -> bool {
        self.raw.cancelled()
    }

    /// A line for the log.
    pub fn log(&self, line: &str) {
        self.raw.log(6, line.into());
    }

    /// Asks a model for a reply (permission `model`).
    ///
    /// Looks like a blocking call; is none. The first time it returns `Err`, which the author passes on with `?`; the
    /// host answers and calls the hook again, and now it returns the reply. So what stands before it in the hook runs
    /// again: it must not change the module's state.
    ///
    /// # Errors
    ///
    /// A [`Stop`] until the reply is there: pass it on with `?`. Then the error of the model, if it gave one.
    pub fn chat(&self, chat: AskChat) -> Result<ChatReply, Stop> {
        match self.answer(|| Ask::Chat { chat })? {
            Answer::Chat { reply } => Ok(reply.clone()),
            Answer::Failed { error } => Err(error.clone().into()),
            _ => Err(ModuleError::fault("the host answered a chat with something else").into()),
        }
    }

    /// Asks a model for log-probabilities (permission `model`, capability `score`); works as [`Cx::chat`].
    ///
    /// # Errors
    ///
    /// As [`Cx::chat`].
    pub fn score(&self, role: &str, request: ScoreRequest) -> Result<ScoreReply, Stop> {
        match self.answer(|| Ask::Score { score: AskScore { role: role.into(), request } })? {
            Answer::Score { reply } => Ok(reply.clone()),
            Answer::Failed { error } => Err(error.clone().into()),
            _ => Err(ModuleError::fault("the host answered a score with something else").into()),
        }
    }

    /// The next answer, if it is there; else notes the question and stops.
    fn answer(&self, ask: impl FnOnce() -> Ask) -> Result<&Answer, Stop> {
        let index = self.asked.get();
        self.asked.set(index + 1);
        match self.raw.answers().as_slice().get(index) {
            Some(answer) => answer
                .as_enum()
                .map_err(|_| ModuleError::unsupported("the host's answer is of a kind this pack does not know").into()),
            None => {
                self.pending.borrow_mut().push(StoredAsk::new(ask()));
                Err(Stop::Pending)
            }
        }
    }

    pub(crate) fn response(&self) -> Option<&Message> {
        self.raw.response().into_option()
    }

    pub(crate) fn result(&self) -> Option<&Message> {
        self.raw.result().into_option()
    }

    pub(crate) fn outcome(&self) -> &str {
        self.raw.outcome().as_str()
    }

    pub(crate) fn call(&self) -> Option<Call<'_>> {
        let call = self.raw.call().into_option()?;
        Some(Call { id: call.id.as_str(), name: call.name.as_str(), arguments: call.arguments.as_str() })
    }
}
