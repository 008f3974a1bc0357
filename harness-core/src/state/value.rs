//! The state of an episode as a value: what it is made of, saving and restoring it, and what a processor may see of it.

use std::{collections::BTreeMap, sync::Arc};

use harness_abi::{BudgetLeft, Finish, Message, ModuleError, RawCall, ToolSpec, Workspace};
use harness_spec::ActionMode;
use harness_trace::{CallKey, Entry, EpisodeEnd, EpisodeStart, Outcome};
use serde::{Deserialize, Serialize};

use super::{
    asking::Asking,
    chat::HeadCache,
    ending::Ending,
    environment_state::{self, EnvironmentState},
    grading::Grading,
    journal::Journal,
    phase::Phase,
    rules::Rules,
    turn::Turn,
};
use crate::{
    assembled::{Assembled, ModelBinding, Plan},
    completed_calls::CompletedCall,
    conversation::Conversation,
    dialogue::{Dialogue, Left},
    effect::NO_REPLY_YET,
    request::Request,
    signals::Signals,
    spending::{BudgetLimits, Spent},
    toolbox::{Toolbox, call_extra},
    view::View,
};

/// What an episode begins with.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Opening {
    /// A first user message.
    Prompt(String),
    /// A caller's conversation.
    Dialogue(Dialogue),
    /// What an environment shows; the prompt stands in where it shows nothing.
    Environment {
        prompt: String,
        /// Most turns the task allows; 0 for as many as the harness does.
        max_turns: u32,
        /// Whether somebody grades the end.
        graded: bool,
    },
}

/// What is known of an episode before it begins.
pub(crate) struct Setup {
    pub meta: EpisodeStart,
    pub opening: Opening,
    pub completed: Vec<CompletedCall>,
    pub allowance: Option<BudgetLeft>,
    pub workspace: Option<Workspace>,
    pub hook_deadline_micros: u64,
    /// Whether somebody receives replies as they enter the conversation.
    pub reports: bool,
}

/// What an episode runs on: shared, the same for its whole length, and not part of what is saved.
#[derive(Default)]
pub(crate) struct Bindings {
    pub harness: Arc<Assembled>,
    /// The model that the grader asks.
    pub grader: ModelBinding,
}

/// The state of an episode.
#[derive(Serialize, Deserialize)]
pub(crate) struct EpisodeState {
    #[serde(skip)]
    pub(super) bindings: Bindings,
    #[serde(skip)]
    pub(super) plan: Arc<Plan>,
    /// Follows from plan, environment and caller.
    #[serde(skip)]
    pub(super) tools: Toolbox,
    #[serde(skip)]
    pub(super) head: HeadCache,
    /// What every call of a tool carries besides; follows from `workspace`.
    #[serde(skip)]
    pub(super) tool_extra: Arc<str>,

    pub(super) meta: EpisodeStart,
    pub(super) opening: Opening,
    pub(super) hook_deadline_micros: u64,
    pub(super) reports: bool,
    pub(super) model_seed: u64,
    pub(super) max_turns: u32,
    pub(super) completed: Vec<CompletedCall>,

    /// The present plan's place among the harness's.
    pub(super) variant: usize,
    pub(super) phase: Phase,
    /// Position of the next processor at hooks that are about the episode as a whole.
    pub(super) cursor: usize,
    /// The present step, from 0.
    pub(super) step: u64,
    /// Steps in which a response came.
    pub(super) taken: u64,
    /// Microseconds since the episode began.
    pub(super) elapsed: u64,

    pub(super) conversation: Conversation,
    pub(super) request: Request,
    pub(super) turn: Turn,
    /// Why the model's last reply to a step ended.
    pub(super) finish: Finish,
    /// Which of a role's models is asked: the first, or a fallback.
    pub(super) attempt: usize,
    /// The name of the request under way.
    pub(super) key: CallKey,
    /// When it was made, in microseconds after the episode began.
    pub(super) asked_at: u64,
    pub(super) asking: Option<Asking>,
    /// How often each processor asked for a chat in this step: seeds of one do not depend on what others ask.
    pub(super) asked: BTreeMap<String, u64>,
    pub(super) environment: Option<EnvironmentState>,
    pub(super) caller_tools: Vec<ToolSpec>,
    pub(super) workspace: Option<Workspace>,
    /// How many calls were left to a harness: numbers their episodes.
    pub(super) delegated: u64,
    pub(super) limits: BudgetLimits,
    pub(super) spent: Spent,
    pub(super) signals: Signals,
    pub(super) rules: Rules,
    pub(super) grading: Grading,
    pub(super) journal: Journal,
    pub(super) ending: Option<Ending>,
    /// The processor that failed: it is not called again.
    pub(super) broken: Option<String>,
}

impl EpisodeState {
    /// An episode that begins.
    pub fn new(bindings: Bindings, setup: Setup) -> Self {
        let plan = bindings.harness.plans.first().cloned().unwrap_or_default();
        let (environment, max_turns) = match &setup.opening {
            Opening::Environment { max_turns, graded, .. } => (Some(EnvironmentState::new(*graded)), *max_turns),
            Opening::Prompt(_) | Opening::Dialogue(_) => (None, 0),
        };
        let limits = BudgetLimits::new(&plan.harness.budget, max_turns);
        Self {
            tools: Toolbox::default(),
            head: HeadCache::default(),
            tool_extra: call_extra(setup.workspace.as_ref()),
            model_seed: plan.harness.sampling.seed.unwrap_or(setup.meta.seed),
            meta: setup.meta,
            opening: setup.opening,
            hook_deadline_micros: setup.hook_deadline_micros,
            reports: setup.reports,
            max_turns,
            completed: setup.completed,
            variant: 0,
            phase: Phase::Begin,
            cursor: 0,
            step: 0,
            taken: 0,
            elapsed: 0,
            conversation: Conversation::default(),
            request: Request::new(&plan.harness.sampling),
            turn: Turn::default(),
            finish: NO_REPLY_YET,
            attempt: 0,
            key: CallKey::default(),
            asked_at: 0,
            asking: None,
            asked: BTreeMap::new(),
            environment,
            caller_tools: Vec::new(),
            workspace: setup.workspace,
            delegated: 0,
            limits: setup.allowance.map_or(limits, |left| limits.left_by(left)),
            spent: Spent::default(),
            signals: Signals::default(),
            rules: Rules::new(plan.harness.adapt.len()),
            grading: Grading::default(),
            journal: Journal::default(),
            ending: None,
            broken: None,
            plan,
            bindings,
        }
    }

    /// A saved episode, which goes on where it was saved.
    pub fn restore(bindings: Bindings, saved: &str) -> Result<Self, serde_json::Error> {
        let mut state: Self = serde_json::from_str(saved)?;
        state.plan = bindings.harness.plans.get(state.variant).cloned().unwrap_or_default();
        state.bindings = bindings;
        state.tool_extra = call_extra(state.workspace.as_ref());
        if state.phase > Phase::Open {
            // They were built before, so they can be built.
            state.tools = state.offered(&state.plan).unwrap_or_default();
        }
        Ok(state)
    }

    /// What remains of the wall clock, in microseconds; `u64::MAX` for no limit.
    pub(super) fn time_left(&self) -> u64 {
        match self.limits.micros {
            u64::MAX => u64::MAX,
            limit => limit.saturating_sub(self.elapsed),
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.cursor = 0;
    }

    /// The tools on offer, or the name that two of them share.
    pub(super) fn offered(&self, plan: &Plan) -> Result<Toolbox, String> {
        let environment = self.environment.as_ref().map_or(&[][..], EnvironmentState::tools);
        Toolbox::new(&plan.offers, environment, &self.caller_tools, plan.harness.action)
    }

    pub(super) fn rebuild_tools(&mut self) {
        match self.offered(&self.plan) {
            Ok(tools) => self.tools = tools,
            Err(name) => self.offered_twice(&name),
        }
    }

    pub(super) fn offered_twice(&mut self, name: &str) {
        let message = format!("a tool `{name}` is offered twice; remove the harness's");
        self.fault(None, name, &ModuleError::config(message));
    }

    /// Appends a message to the history and to the record.
    pub(super) fn push(&mut self, message: Message) {
        self.journal.push(Entry::Message { message: message.clone() });
        self.conversation.push(message);
    }

    /// Whether rules need the signals kept.
    pub(super) fn watched(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Whether the environment said that the episode is over.
    pub(super) fn is_environment_done(&self) -> bool {
        self.environment.as_ref().is_some_and(EnvironmentState::is_done)
    }

    /// Whether a reply without a tool call is the action.
    pub(super) fn replies_act(&self) -> bool {
        self.environment.as_ref().is_some_and(EnvironmentState::is_ready)
            && self.plan.harness.action == ActionMode::Reply
    }

    /// What the processor of a slot may see.
    pub fn view(&self, slot: usize) -> View<'_> {
        let call = match self.phase {
            Phase::BeforeTool => self.turn.checked(),
            Phase::AfterTool => self.turn.shown(),
            _ => None,
        };
        View {
            episode: &self.meta.episode,
            episode_seed: self.meta.seed,
            step: self.step,
            module: self.plan.id(slot),
            conversation: &self.conversation,
            tools: &self.tools,
            request: &self.request,
            observation: environment_state::shown(self.environment.as_ref()),
            response: self.turn.response(),
            response_extra: self.turn.response_extra(),
            result: call.and_then(|call| call.result.as_ref()).filter(|_| self.phase == Phase::AfterTool),
            call: call.map(|call| RawCall {
                id: call.id.as_str().into(),
                name: call.name.as_str().into(),
                arguments: call.arguments.as_str().into(),
            }),
            outcome: self.ending.as_ref().map_or("", |ending| ending.text.as_str()),
            answers: self.asking.as_ref().map_or(&[], |asking| &asking.answers[..]),
            budget: self.spent.left(&self.limits, self.step, self.elapsed),
        }
    }

    /// How the episode ended.
    pub fn summary(&self) -> EpisodeEnd {
        let (outcome, reason) = match &self.ending {
            Some(ending) => (ending.outcome, ending.reason.clone()),
            None => (Outcome::Fault, "the engine ended without a reason".to_owned()),
        };
        let mut usage = self.spent.usage;
        usage.cost_micros += self.spent.tools_cost_micros;
        EpisodeEnd {
            outcome,
            reason,
            steps: self.taken,
            usage,
            replayed: self.spent.replayed,
            micros: self.elapsed,
            state: self.grading.state.clone(),
            grade: self.grading.grade.clone(),
        }
    }

    /// What is left of an episode that is over: the conversation, why the last reply ended, the calls that are the caller's.
    pub fn into_parts(self) -> (Vec<Message>, Finish, Vec<Left>) {
        (self.conversation.into_history(), self.finish, self.turn.into_left())
    }
}
