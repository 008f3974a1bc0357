//! The run loop as a state machine: it says what is to be done next and is told what came of it. Pure: no clock, no IO,
//! no module is called from here; time and seeds are arguments.

use std::{collections::VecDeque, mem, sync::Arc};

use harness_abi::{Hook, Message, ModuleError, Observation, ToolSpec, stable::RString};
use harness_spec::ActionMode;
use harness_trace::{Entry, Outcome};
use serde_json::json;

use crate::{
    conversation::Conversation,
    plan::Plan,
    request::Request,
    signals::Signals,
    spending::{Limits, Spent},
    toolbox::Toolbox,
};

/// The name of the synthetic call that stands for a reply that is itself the action.
pub(crate) const ACT: &str = "act";

/// What the driver must do next. Exhaustive on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Call the processor of this slot.
    Hook { hook: Hook, slot: usize },
    /// Ask the model of the request's role.
    Model,
    /// Perform the calls that have no result yet.
    Tools,
    /// The plan changed: renew what differs, then say which slots are new.
    Renew,
    /// Give the step's entries to the record.
    Flush,
    /// The episode is over.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
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
    Renew,
    Flush,
    TaskEnd,
    LastFlush,
    Ended,
}

/// A response on its way through after_model.
#[derive(Debug)]
pub(crate) struct Response {
    pub message: Message,
    /// Position of the next processor.
    pub cursor: usize,
}

/// A tool call of the present turn.
#[derive(Debug)]
pub(crate) struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
    /// Whether it stands for a reply that is itself the action.
    pub act: bool,
    /// Position of the next processor of before_tool.
    pub cursor: usize,
    pub result: Option<Message>,
    /// Whether a processor answered it, so that nothing was called.
    pub answered: bool,
    /// When it began, in microseconds after the episode.
    pub began: Option<u64>,
    pub micros: u64,
}

/// How an episode ends.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub outcome: Outcome,
    pub reason: String,
    /// Both, as task_end hears it.
    pub text: String,
}

impl Ending {
    fn new(outcome: Outcome, reason: String) -> Self {
        Self { outcome, text: format!("{}: {reason}", outcome.name()), reason }
    }
}

/// The state of an episode.
pub(crate) struct Machine {
    pub plans: Arc<[Arc<Plan>]>,
    pub plan: Arc<Plan>,
    pub talk: Conversation,
    pub tools: Toolbox,
    world_tools: Vec<ToolSpec>,
    pub caller_tools: Vec<ToolSpec>,
    pub request: Request,
    pub limits: Limits,
    pub spent: Spent,
    pub signals: Signals,
    pub entries: Vec<Entry>,
    /// The present step, from 0.
    pub step: u64,
    /// Steps in which a response came.
    pub taken: u64,
    pub phase: Phase,
    /// Position of the next processor at hooks that are about the episode as a whole.
    pub cursor: usize,
    pub responses: VecDeque<Response>,
    pub response_extra: RString,
    turns: VecDeque<Message>,
    pub checking: VecDeque<ToolCall>,
    pub calls: Vec<ToolCall>,
    pub left: Vec<ToolCall>,
    /// The call whose result is going through after_tool.
    pub item: usize,
    pub called: bool,
    has_world: bool,
    pub world_done: bool,
    /// The world's last answer, as it came.
    pub observation: RString,
    reward: f64,
    pub max_turns: u32,
    pub ending: Option<Ending>,
    /// The processor that failed: it is not called again.
    broken: Option<String>,
    pub fired: Vec<bool>,
    pub rule: usize,
    pub fresh: Vec<bool>,
}

impl Machine {
    /// An episode that begins. `max_turns` is the task's, 0 for none.
    pub fn new(plans: Arc<[Arc<Plan>]>, plan: Arc<Plan>, max_turns: u32) -> Self {
        let rules = plan.harness.adapt.len();
        Self {
            request: Request::new(&plan.harness.sampling),
            limits: Limits::new(&plan.harness.budget, max_turns),
            plans,
            plan,
            talk: Conversation::default(),
            tools: Toolbox::default(),
            world_tools: Vec::new(),
            caller_tools: Vec::new(),
            spent: Spent::default(),
            signals: Signals::default(),
            entries: Vec::new(),
            step: 0,
            taken: 0,
            phase: Phase::TaskStart,
            cursor: 0,
            responses: VecDeque::new(),
            response_extra: RString::new(),
            turns: VecDeque::new(),
            checking: VecDeque::new(),
            calls: Vec::new(),
            left: Vec::new(),
            item: 0,
            called: false,
            has_world: false,
            world_done: false,
            observation: RString::new(),
            reward: 0.0,
            max_turns,
            ending: None,
            broken: None,
            fired: vec![false; rules],
            rule: 0,
            fresh: Vec::new(),
        }
    }

    /// The episode begins with a prompt.
    pub fn begin(&mut self, prompt: &str) {
        self.rebuild_tools();
        self.push(Message::user(prompt));
    }

    /// The episode begins with what a world shows; `prompt` stands in where it shows nothing.
    pub fn begin_in_world(&mut self, raw: RString, observation: Observation, prompt: &str) {
        self.has_world = true;
        self.rebuild_tools();
        let first = if observation.text.is_empty() { prompt.to_owned() } else { observation.text.clone() };
        self.observed(raw, observation);
        self.push(Message::user(first));
    }

    /// Whether rules need the signals kept.
    pub fn watched(&self) -> bool {
        !self.fired.is_empty()
    }

    /// What the world answered.
    pub fn observed(&mut self, raw: RString, mut observation: Observation) {
        self.observation = raw;
        self.reward += observation.reward;
        self.world_done |= observation.done;
        if self.watched() {
            self.signals.reward(self.reward);
        }
        if observation.invalid {
            self.signals.parse_failure();
        }
        if let Some(tools) = observation.tools.clone()
            && tools != self.world_tools
        {
            self.world_tools = tools;
            self.rebuild_tools();
        } else if self.step > 0 {
            // Unchanged offers are not recorded again.
            observation.tools = None;
        }
        self.entries.push(Entry::Observed { observation });
    }

    /// Whether the world said that the episode is over.
    pub fn is_world_done(&self) -> bool {
        self.world_done
    }

    pub fn rebuild_tools(&mut self) {
        match Toolbox::new(&self.plan.offers, &self.world_tools, &self.caller_tools, self.plan.harness.action) {
            Ok(tools) => self.tools = tools,
            Err(name) => {
                let message = format!("a tool `{name}` is offered twice; remove the harness's");
                self.fault(None, &name, &ModuleError::config(message));
            }
        }
    }

    /// Appends a message to the history and to the record.
    pub fn push(&mut self, message: Message) {
        self.entries.push(Entry::Message { message: message.clone() });
        self.talk.push(message);
    }

    /// A module failed or broke a contract: recorded, and the episode ends.
    pub fn fault(&mut self, hook: Option<Hook>, module: &str, error: &ModuleError) {
        self.note_fault(hook, module, error);
        if hook.is_some() {
            self.broken = Some(module.to_owned());
        }
        self.end(Outcome::Fault, format!("{module}: {}", error.message));
    }

    /// Something outside the harness failed: recorded, and the episode ends.
    pub fn infrastructure(&mut self, hook: Option<Hook>, module: &str, error: &ModuleError) {
        self.note_fault(hook, module, error);
        self.end(Outcome::Infrastructure, format!("{module}: {}", error.message));
    }

    /// Records a failure that does not end the episode by itself.
    pub fn note_fault(&mut self, hook: Option<Hook>, module: &str, error: &ModuleError) {
        self.entries.push(Entry::Fault {
            hook,
            module: module.to_owned(),
            class: error.class.name().to_owned(),
            message: error.message.to_string(),
        });
    }

    /// The episode ends: task_end is still to come. The first ending stands, but a failure at task_end replaces it.
    pub fn end(&mut self, outcome: Outcome, reason: impl Into<String>) {
        let ending = Ending::new(outcome, reason.into());
        match self.phase {
            Phase::TaskEnd => {
                self.cursor += 1;
                if outcome == Outcome::Fault {
                    self.ending = Some(ending);
                }
            }
            Phase::LastFlush | Phase::Ended => {}
            _ => {
                self.ending.get_or_insert(ending);
                self.responses.clear();
                self.turns.clear();
                self.checking.clear();
                self.calls.clear();
                self.enter(Phase::TaskEnd);
            }
        }
    }

    /// The episode ends before any processor heard of it.
    pub fn abort(&mut self, outcome: Outcome, module: &str, error: &ModuleError) {
        self.note_fault(None, module, error);
        self.ending = Some(Ending::new(outcome, format!("{module}: {}", error.message)));
        self.enter(Phase::LastFlush);
    }

    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.cursor = 0;
    }

    /// The processor whose turn it is at a hook about the episode as a whole.
    fn turn_at(&self, hook: Hook) -> Option<Act> {
        self.plan.answers(hook).get(self.cursor).map(|slot| Act::Hook { hook, slot: *slot })
    }

    /// What to do next, `elapsed` microseconds after the episode began.
    pub fn next(&mut self, elapsed: u64) -> Act {
        loop {
            match self.phase {
                Phase::TaskStart => match self.turn_at(Hook::TaskStart) {
                    Some(act) => return act,
                    None => self.enter(Phase::StepBegin),
                },
                Phase::StepBegin => match self.spent.exhausted(&self.limits, self.step, elapsed) {
                    Some(reason) if Spent::task_is_over(&self.limits, self.step) => self.end(Outcome::Done, reason),
                    Some(reason) => self.end(Outcome::Budget, reason),
                    None => {
                        self.called = false;
                        self.request.visible = None;
                        self.request.constraint = RString::new();
                        if !self.request.pristine {
                            self.request = Request::new(&self.plan.harness.sampling);
                        }
                        self.enter(Phase::StepStart);
                    }
                },
                Phase::StepStart => match self.turn_at(Hook::StepStart) {
                    Some(act) => return act,
                    None => self.enter(Phase::BeforeModel),
                },
                Phase::BeforeModel => match self.turn_at(Hook::BeforeModel) {
                    Some(act) => return act,
                    None => self.enter(Phase::Model),
                },
                Phase::Model => return Act::Model,
                Phase::AfterModel => match self.responses.front() {
                    Some(front) => match self.plan.answers(Hook::AfterModel).get(front.cursor) {
                        Some(slot) => return Act::Hook { hook: Hook::AfterModel, slot: *slot },
                        None => self.turns.extend(self.responses.pop_front().map(|front| front.message)),
                    },
                    None => self.enter(Phase::Turn),
                },
                Phase::Turn => match self.turns.pop_front() {
                    Some(message) => self.begin_turn(message),
                    None => self.enter(Phase::StepEnd),
                },
                Phase::BeforeTool => match self.checking.front() {
                    Some(front) if front.result.is_some() => self.calls.extend(self.checking.pop_front()),
                    Some(front) => match self.plan.answers(Hook::BeforeTool).get(front.cursor) {
                        Some(slot) => return Act::Hook { hook: Hook::BeforeTool, slot: *slot },
                        None => self.calls.extend(self.checking.pop_front()),
                    },
                    None => self.enter(Phase::Tools),
                },
                Phase::Tools if self.calls.iter().any(|call| call.result.is_none()) => return Act::Tools,
                Phase::Tools => self.performed(),
                Phase::AfterTool if self.item < self.calls.len() => match self.turn_at(Hook::AfterTool) {
                    Some(act) => return act,
                    None => (self.item, self.cursor) = (self.item + 1, 0),
                },
                Phase::AfterTool => self.close_turn(),
                Phase::StepEnd => match self.turn_at(Hook::StepEnd) {
                    Some(act) => return act,
                    None => self.close_step(),
                },
                Phase::Rules => {
                    if let Some(act) = self.next_rule(elapsed) {
                        return act;
                    }
                }
                Phase::Renew => match self.turn_at(Hook::TaskStart) {
                    Some(Act::Hook { slot, .. }) if !self.fresh.get(slot).copied().unwrap_or(false) => self.cursor += 1,
                    Some(act) => return act,
                    None => self.enter(Phase::Rules),
                },
                Phase::Flush => {
                    self.enter(Phase::StepBegin);
                    return Act::Flush;
                }
                Phase::TaskEnd => match self.turn_at(Hook::TaskEnd) {
                    Some(Act::Hook { slot, .. }) if self.broken.as_deref() == Some(self.plan.id(slot)) => {
                        self.cursor += 1
                    }
                    Some(act) => return act,
                    None => self.enter(Phase::LastFlush),
                },
                Phase::LastFlush => {
                    self.enter(Phase::Ended);
                    return Act::Flush;
                }
                Phase::Ended => return Act::End,
            }
        }
    }

    /// The processor whose turn it was has nothing to change.
    pub fn pass(&mut self) {
        match self.phase {
            Phase::AfterModel => self.responses.iter_mut().take(1).for_each(|front| front.cursor += 1),
            Phase::BeforeTool => self.checking.iter_mut().take(1).for_each(|front| front.cursor += 1),
            _ => self.cursor += 1,
        }
    }

    /// The model's response came, or a processor gave one in its place.
    pub fn respond(&mut self, message: Message, extra: RString) {
        self.taken += 1;
        self.response_extra = extra;
        self.responses.push_back(Response { message, cursor: 0 });
        self.enter(Phase::AfterModel);
    }

    /// A call as it stands in a message, or one that stands for its text.
    pub fn new_call(&self, id: &str, name: &str, arguments: &str, cursor: usize) -> ToolCall {
        ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: if arguments.is_empty() { "{}".to_owned() } else { arguments.to_owned() },
            act: self.replies_act() && name == ACT,
            cursor,
            result: None,
            answered: false,
            began: None,
            micros: 0,
        }
    }

    fn replies_act(&self) -> bool {
        self.has_world && self.plan.harness.action == ActionMode::Reply
    }

    /// A response has passed after_model: it enters the history, and its calls go on.
    fn begin_turn(&mut self, message: Message) {
        let calls = message.calls().map(|call| self.new_call(call.id, call.name, call.arguments, 0));
        self.checking = calls.collect();
        if self.checking.is_empty() && self.replies_act() {
            let arguments = json!({ "action": message.text() }).to_string();
            let id = format!("{ACT}-{}", self.step);
            self.checking.push_back(self.new_call(&id, ACT, &arguments, 0));
        }
        self.push(message);
        if !self.checking.is_empty() {
            self.called = true;
            self.enter(Phase::BeforeTool);
        }
    }

    /// Every call that will be performed has its result.
    fn performed(&mut self) {
        self.item = 0;
        self.enter(Phase::AfterTool);
    }

    /// Calls left undone because the world is over are forgotten.
    pub fn drop_undone_calls(&mut self) {
        self.calls.retain(|call| call.result.is_some());
    }

    /// The results have passed after_tool: they enter the history in call order.
    fn close_turn(&mut self) {
        let watched = self.watched();
        for call in mem::take(&mut self.calls) {
            let Some(result) = call.result else { continue };
            let is_error = result.is_error();
            if watched {
                self.signals.action(&call.name, &call.arguments);
                self.signals.observation(&result.text(), is_error);
            }
            if call.act {
                self.push(Message::user(result.text()));
                continue;
            }
            self.entries.push(Entry::Tool {
                id: call.id,
                name: call.name,
                arguments: call.arguments,
                is_error,
                began: call.began,
                micros: call.micros,
            });
            self.push(result);
        }
        if self.world_done || !self.left.is_empty() {
            self.turns.clear();
        }
        self.enter(Phase::Turn);
    }

    /// The step whose entries are about to be flushed.
    pub fn flushed_step(&self) -> u64 {
        if self.phase == Phase::Ended { self.step } else { self.step.saturating_sub(1) }
    }
}
