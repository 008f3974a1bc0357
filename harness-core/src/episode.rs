//! One episode as its caller sees it: what it starts from, where it is recorded, and what it leaves.

use std::sync::Arc;

use harness_abi::{BudgetLeft, EnvironmentBox, Finish, Message, Task, Workspace};
use harness_trace::{EpisodeEnd, EpisodeStart, Recorder, TraceError};

use crate::{
    cancel::Cancel,
    clock::{Clock, SystemClock},
    completed_calls::CompletedCall,
    dialogue::{Dialogue, Left},
    grading::GraderBinding,
    sinks::{DeltaObserver, ReplyObserver},
};

/// An environment with the task to do in it and who grades the end.
pub struct TaskEnvironment {
    /// The environment, fresh.
    pub environment: EnvironmentBox,
    /// Whether its calls may take long and so must leave the driver's thread; holds for the grader too.
    pub blocking: bool,
    /// The task, whole; the environment is given it without its gold answer.
    pub task: Task,
    /// Who grades the end. Cancelled episodes and those that infrastructure ended are not graded.
    pub grader: Option<GraderBinding>,
}

/// What an episode starts from.
pub enum Start {
    /// A first user message.
    Prompt(String),
    /// A caller's conversation, with tools that the caller performs.
    Dialogue(Dialogue),
    /// A task in an environment: its first observation is the first user message.
    Environment(Box<TaskEnvironment>),
}

/// One episode to run.
pub struct EpisodeSpec {
    /// What is known of it. The engine fills `harness`, `simulated` and, where it is 0, `started_ms`.
    pub meta: EpisodeStart,
    /// What it starts from.
    pub start: Start,
    /// Where it is recorded and replayed from.
    pub recorder: Arc<dyn Recorder>,
    /// Who may stop it.
    pub cancel: Cancel,
    /// Whether model calls found in the record are used instead of being paid again.
    pub replay: bool,
    /// Calls of tools that an earlier attempt of this episode completed: each is answered from here once, in its step.
    pub completed: Vec<CompletedCall>,
    /// Receives replies to step requests as they are written.
    pub observer: Option<DeltaObserver>,
    /// Receives each of them as it enters the conversation, once processors are done with it.
    pub replies: Option<ReplyObserver>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The folder the harness's tools work in, until the environment names another; without one, tools that need it refuse.
    pub workspace: Option<Workspace>,
    /// What whoever plays it has left: the budget of the harness where that is less. Steps are the harness's own.
    pub allowance: Option<BudgetLeft>,
    /// Most microseconds one call of a processor may take. Checked when it returns: code in this process cannot be
    /// interrupted.
    pub hook_deadline_micros: u64,
}

impl EpisodeSpec {
    /// An episode with the system's clock, nobody listening, replay on, and ten seconds a hook.
    pub fn new(meta: EpisodeStart, start: Start, recorder: Arc<dyn Recorder>) -> Self {
        Self {
            meta,
            start,
            recorder,
            cancel: Cancel::new(),
            replay: true,
            completed: Vec::new(),
            observer: None,
            replies: None,
            clock: Arc::new(SystemClock),
            workspace: None,
            allowance: None,
            hook_deadline_micros: 10_000_000,
        }
    }
}

/// An episode that was run.
#[derive(Debug)]
pub struct Episode {
    /// How it ended, as recorded.
    pub end: EpisodeEnd,
    /// The conversation as it stood at the end, without the system message.
    pub history: Vec<Message>,
    /// Why the model's last reply to a step ended.
    pub finish: Finish,
    /// Calls of the caller's tools: the caller answers them, and goes on with [`Episode::history`] and their results.
    pub left: Vec<Left>,
}

/// Why an episode has no result at all. Everything that happens *within* an episode is an outcome of it instead.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The record cannot be written or read; running on would lose evidence.
    #[error("the episode stopped: {0}")]
    Record(#[from] TraceError),
}
