//! What an episode needs done, and what came of it: the typed data between the state that decides and the executors that act.

use std::sync::Arc;

use harness_abi::{
    Action, BudgetLeft, ChatReply, Finish, Hook, Message, ModuleError, Observation, Score, StoredDecision, ToolOutput,
    Usage, Workspace,
    stable::{RString, RVec},
};
use harness_host::LoadedModel;
use harness_trace::{CallKey, Entry, EpisodeEnd, EpisodeStart};
use serde_json::Value;

use crate::{
    assembled::{Assembled, Plan, ToolModule},
    completed_calls::CompletedCall,
    grading::GradeStep,
    wait::Stopped,
};

/// What must be done next. Exhaustive on purpose. `time_left` is in microseconds, `u64::MAX` for no limit.
pub(crate) enum Effect {
    /// The record must learn that the episode begins.
    Begin(EpisodeStart),
    /// Instances of this plan's modules are needed; what is the same in the plan before keeps its instance.
    Instances(Arc<Plan>),
    /// The environment must be reset.
    Reset { seed: u64, time_left: u64 },
    /// The processor of a slot must answer a hook. What it sees it borrows from the state: `EpisodeState::view`.
    Hook { hook: Hook, slot: usize },
    /// A model must answer.
    Model(ModelCall),
    /// A tool must begin its work.
    StartTool(ToolCallInput),
    /// A tool that works must be waited for.
    AwaitTool { call: usize, time_left: u64 },
    /// The environment must perform an action.
    Act { action: Action, time_left: u64 },
    /// A harness must begin to answer a call of a tool.
    StartEpisode(Box<InnerEpisode>),
    /// The next of the inner episodes to end must be waited for.
    AwaitEpisode,
    /// Tools at work are given up, inner episodes stopped and waited for.
    Abandon,
    /// A reply has entered the conversation: whoever listens must receive it.
    Report(Message),
    /// Entries of a step must be recorded.
    Record { step: u64, entries: Vec<Entry> },
    /// The final state of the environment is needed.
    FinalState,
    /// The episode must be graded.
    Grade(GradeInput),
    /// The record must learn how the episode ended.
    Close(EpisodeEnd),
    /// Nothing: the episode is over.
    Over,
}

/// A request to a model.
pub(crate) struct ModelCall {
    pub model: Arc<LoadedModel>,
    /// Names the request: where the record has a reply of this name, that is the reply.
    pub key: CallKey,
    pub request: ModelRequest,
    pub time_left: u64,
}

/// What a model is asked.
pub(crate) enum ModelRequest {
    Chat {
        /// Shared with the state, never copied.
        messages: Arc<Vec<Message>>,
        tools: Arc<str>,
        constraint: RString,
        sampling: harness_abi::Sampling,
        /// Whether listeners receive the reply as it is written: the step's own request alone.
        streamed: bool,
    },
    Score(harness_abi::ScoreRequest),
}

/// A model's answer.
pub(crate) struct ModelAnswer {
    pub reply: ModelReply,
    /// How long it took, in microseconds; for a reply from the record, how long it took then.
    pub micros: u64,
    /// Whether it came out of the record.
    pub replayed: bool,
}

pub(crate) enum ModelReply {
    Chat(ChatReply),
    Score { scores: RVec<Score>, usage: Usage, extra: RString },
}

/// A call of a tool.
pub(crate) struct ToolCallInput {
    /// Its place among the calls of the turn.
    pub call: usize,
    /// The tool's place in the plan.
    pub tool: usize,
    pub module: Arc<ToolModule>,
    pub id: String,
    pub name: String,
    pub arguments: String,
    pub seed: u64,
    pub extra: Arc<str>,
}

/// An episode that answers a call of a tool.
pub(crate) struct InnerEpisode {
    /// The call's place among the calls of the turn.
    pub call: usize,
    pub harness: Arc<Assembled>,
    pub meta: EpisodeStart,
    /// What an earlier attempt of it completed.
    pub completed: Vec<CompletedCall>,
    pub workspace: Option<Workspace>,
    pub allowance: BudgetLeft,
    pub hook_deadline_micros: u64,
}

/// What a grader needs, besides the task, which it has.
pub(crate) struct GradeInput {
    /// The environment's final state, JSON as text.
    pub state: RString,
    /// The conversation; its first `skip` messages are not part of the history.
    pub messages: Arc<Vec<Message>>,
    pub skip: usize,
    /// What models replied to the grader's questions so far.
    pub replies: Vec<ChatReply>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum CallFailure {
    /// The module failed.
    Failed(ModuleError),
    /// Waiting ended: the episode was told to stop, or ran out of time.
    Stopped(Stopped),
}

/// Why a hook has no answer.
#[derive(Debug)]
pub(crate) struct HookFailure {
    pub error: ModuleError,
    /// The module's process ended in a call of another episode: the host says so, no module can.
    pub lost: bool,
}

/// What a processor answered.
pub(crate) struct HookAnswer {
    pub hook: Hook,
    pub slot: usize,
    pub decisions: Result<RVec<StoredDecision>, HookFailure>,
    /// Lines it logged, with their levels.
    pub log: Vec<(u8, String)>,
}

/// An inner episode that ended.
pub(crate) struct InnerEnd {
    /// The call it answers; unknown where it died.
    pub call: Option<usize>,
    /// How it ended and its last words, or why it died.
    pub ended: Result<(EpisodeEnd, String), ModuleError>,
}

/// A module that did not come up.
pub(crate) struct NotUp {
    pub module: String,
    pub error: ModuleError,
    /// The module's process was ended by somebody outside: the host says so, no module can.
    pub lost: bool,
}

impl NotUp {
    pub(crate) fn of(module: &str, error: ModuleError) -> Self {
        Self { module: module.to_owned(), lost: harness_host::is_lost(&error), error }
    }
}

/// What came of an effect.
pub(crate) enum EffectResult {
    /// It was done, and there is nothing to say.
    Done,
    /// Which slots of the plan have new instances.
    Instances(Result<Vec<bool>, NotUp>),
    Model(Result<ModelAnswer, CallFailure>),
    Tool {
        call: usize,
        output: Result<ToolOutput, CallFailure>,
    },
    /// The observation, as it came and as it was read.
    Observed(Result<(RString, Observation), CallFailure>),
    /// No inner episode is left where this is `None`.
    Episode(Option<InnerEnd>),
    /// How the inner episodes ended that were stopped.
    Abandoned(Vec<EpisodeEnd>),
    FinalState(Result<(RString, Value), CallFailure>),
    Graded(Result<GradeStep, CallFailure>),
}

/// Why the model's last reply to a step ended, before there is one.
pub(crate) const NO_REPLY_YET: Finish = Finish::STOP;
