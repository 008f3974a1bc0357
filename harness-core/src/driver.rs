//! The driver: performs what the machine decides — calls modules, waits, reads the clock, writes the record. Refuses to
//! decide anything itself.

use std::{cell::RefCell, collections::BTreeMap, mem, sync::Arc};

use harness_abi::{
    ErrorClass, Finish, Hook, ModuleError, ProcessorBox, Role, StoredAnswer, StoredDecision, ToolBox, Workspace,
    stable::RVec,
};
use harness_trace::{Entry, EpisodeEnd, Outcome, Purpose};
use serde_json::{Value, json};

use crate::{
    agent::{Agent, Episode, EpisodeSpec, RunError, Start},
    calls,
    chats::{CallError, Chat, HeadCache},
    context::{Shared, View},
    contract::{self, Answered},
    machine::{Act, Machine, Phase},
    plan::{Plan, ToolModule},
    wait::Stopped,
    world::Stage,
};

/// Most times a hook may ask before it must decide.
const MOST_ROUNDS: u32 = 8;

/// A running episode.
pub(crate) struct Live<'a> {
    pub agent: &'a Agent,
    pub spec: EpisodeSpec,
    pub machine: Machine,
    pub world: Option<Stage>,
    /// Instances of the plan's slots.
    processors: Vec<ProcessorBox>,
    /// Instances of the plan's tools.
    pub tools: Vec<Arc<ToolBox>>,
    /// The plan the instances belong to.
    plan: Arc<Plan>,
    shared: RefCell<Shared>,
    pub head: HeadCache,
    /// Seed of model calls.
    pub model_seed: u64,
    /// How often each processor asked for a chat in this step: seeds of one do not depend on what others ask.
    pub asked: BTreeMap<String, u64>,
    began: u64,
    /// Why the last reply to a step ended.
    finish: Finish,
    /// What every call of a tool carries besides: the workspace.
    pub tool_extra: Arc<str>,
    /// The folder itself, for episodes that answer calls.
    pub workspace: Option<Workspace>,
    /// How many calls were left to a harness: numbers their episodes.
    pub delegated: u64,
    /// Microseconds since the episode began, at the last look at the clock.
    pub elapsed: u64,
    /// How many of the step's entries have been looked at for replies.
    told: usize,
}

impl<'a> Live<'a> {
    pub fn new(agent: &'a Agent, plan: Arc<Plan>, mut spec: EpisodeSpec) -> Self {
        let (world, max_turns) = match mem::replace(&mut spec.start, Start::Prompt(String::new())) {
            Start::World(world) => {
                let max_turns = world.task.max_turns;
                (Some(Stage::new(*world)), max_turns)
            }
            prompt => {
                spec.start = prompt;
                (None, 0)
            }
        };
        let workspace = spec.workspace.take();
        let mut machine = Machine::new(agent.plans().clone(), plan.clone(), max_turns);
        if let Some(left) = spec.allowance {
            machine.limits = machine.limits.left_by(left);
        }
        Self {
            machine,
            model_seed: plan.harness.sampling.seed.unwrap_or(spec.meta.seed),
            began: spec.clock.micros(),
            agent,
            spec,
            world,
            processors: Vec::new(),
            tools: Vec::new(),
            plan,
            shared: RefCell::default(),
            head: HeadCache::default(),
            asked: BTreeMap::new(),
            finish: Finish::STOP,
            tool_extra: calls::extra(workspace.clone()),
            workspace,
            delegated: 0,
            elapsed: 0,
            told: 0,
        }
    }

    /// Looks at the clock.
    pub fn look(&mut self) -> u64 {
        self.elapsed = self.spec.clock.micros().saturating_sub(self.began);
        self.elapsed
    }

    /// What remains of the wall clock, in microseconds; `u64::MAX` for no limit.
    pub fn time_left(&self) -> u64 {
        match self.machine.limits.micros {
            u64::MAX => u64::MAX,
            limit => limit.saturating_sub(self.elapsed),
        }
    }

    pub async fn run(mut self) -> Result<Episode, RunError> {
        let mut meta = self.spec.meta.clone();
        self.agent.variant().clone_into(&mut meta.harness);
        meta.simulated |= self.agent.is_simulated();
        if meta.started_ms == 0 {
            meta.started_ms = self.spec.clock.unix_millis();
        }
        self.spec.recorder.begin(meta)?;
        self.begin().await?;
        loop {
            if self.spec.cancel.is_cancelled() && self.machine.ending.is_none() {
                self.machine.end(Outcome::Cancelled, "it was told to stop");
            }
            let act = self.machine.next(self.elapsed);
            self.tell_replies();
            match act {
                Act::Hook { hook, slot } => {
                    let called = self.call(hook, slot, &RVec::new());
                    if let Some(asked) = self.settle(hook, slot, called, false)? {
                        self.answer_questions(hook, slot, asked).await?;
                    }
                }
                Act::Model => self.model().await?,
                Act::Tools => self.perform_calls().await?,
                Act::Renew => self.renew(),
                Act::Flush => self.flush().await?,
                Act::End => return self.finish(),
            }
        }
    }

    async fn begin(&mut self) -> Result<(), RunError> {
        if let Err((module, error)) = self.instantiate() {
            self.machine.abort(Outcome::Fault, &module, &error);
            return Ok(());
        }
        match &mut self.spec.start {
            Start::Dialogue(dialogue) => self.machine.begin_dialogue(dialogue),
            Start::Prompt(prompt) if self.world.is_none() => self.machine.begin(prompt),
            _ => self.reset_world().await,
        }
        self.look();
        // What the caller said before is no news to anybody.
        self.told = self.machine.entries.len();
        Ok(())
    }

    /// Tells of the replies that have entered the conversation.
    fn tell_replies(&mut self) {
        let fresh = self.machine.entries.get(self.told..).unwrap_or_default();
        if let Some(hears) = &self.spec.replies {
            for entry in fresh {
                match entry {
                    Entry::Message { message } if message.role() == Role::Assistant => hears(message),
                    _ => {}
                }
            }
        }
        self.told = self.machine.entries.len();
    }

    fn instantiate(&mut self) -> Result<(), (String, ModuleError)> {
        for slot in &self.plan.slots {
            self.processors.push(slot.module.processor().map_err(|error| (slot.id.clone(), error))?);
        }
        for tool in &self.plan.tools {
            self.tools.push(instance(tool)?);
        }
        Ok(())
    }

    fn call(
        &mut self,
        hook: Hook,
        slot: usize,
        answers: &RVec<StoredAnswer>,
    ) -> Result<RVec<StoredDecision>, ModuleError> {
        let module = self.plan.id(slot);
        let Some(processor) = self.processors.get_mut(slot) else {
            return Err(ModuleError::fault("the engine has no instance of it"));
        };
        let view = View {
            agent: self.agent,
            machine: &self.machine,
            recorder: &*self.spec.recorder,
            shared: &self.shared,
            cancel: &self.spec.cancel,
            episode: &self.spec.meta.episode,
            seed: self.spec.meta.seed,
            module,
            answers,
            elapsed: self.elapsed,
        };
        processor.on(hook.code(), &harness_abi::context(&view)).into_result()
    }

    /// Applies what a processor answered; gives its questions if it asks. `starved`: a question of this hook failed for
    /// reasons outside the harness.
    fn settle(
        &mut self,
        hook: Hook,
        slot: usize,
        called: Result<RVec<StoredDecision>, ModuleError>,
        starved: bool,
    ) -> Result<Option<RVec<StoredDecision>>, RunError> {
        let before = self.elapsed;
        let took = self.look().saturating_sub(before);
        let shared = self.shared.get_mut();
        if let Some(error) = shared.record.take() {
            return Err(error.into());
        }
        if !shared.log.is_empty() {
            let lines = mem::take(&mut shared.log);
            let lines = lines.into_iter().map(|(level, line)| json!({"log": {"level": level, "line": line}}));
            let module = self.plan.id(slot).to_owned();
            self.machine.entries.push(Entry::Decided { hook, module, decisions: lines.collect() });
        }
        let fault = |live: &mut Self, error: &ModuleError| {
            let plan = live.plan.clone();
            live.machine.fault(Some(hook), plan.id(slot), error);
        };
        let decisions = match called {
            Ok(decisions) => decisions,
            Err(error) if (starved || harness_host::is_lost(&error)) && error.class.is_transient() => {
                let plan = self.plan.clone();
                self.machine.infrastructure(Some(hook), plan.id(slot), &error);
                return Ok(None);
            }
            Err(error) => {
                fault(self, &error);
                return Ok(None);
            }
        };
        if took > self.spec.hook_deadline_micros {
            let limit = self.spec.hook_deadline_micros / 1000;
            let message = format!("it took {} ms, a hook may take {limit} ms", took / 1000);
            fault(self, &ModuleError::new(ErrorClass::TIMEOUT, message));
            return Ok(None);
        }
        if decisions.is_empty() {
            self.machine.pass();
            return Ok(None);
        }
        match contract::check(hook, &decisions) {
            Ok(Answered::Decisions(checked)) => {
                let roles = self.agent.role_names();
                self.machine.decide(hook, slot, &checked, &roles);
            }
            Ok(Answered::Questions(_)) if !self.plan.slots.get(slot).is_some_and(|slot| slot.may_ask) => {
                let message = "it asks a model without the permission `model`; its manifest must declare it";
                fault(self, &ModuleError::fault(message));
            }
            Ok(Answered::Questions(_)) => return Ok(Some(decisions)),
            Err(violation) => fault(self, &ModuleError::fault(violation)),
        }
        Ok(None)
    }

    /// Answers a processor's questions and calls it again, until it decides.
    async fn answer_questions(
        &mut self,
        hook: Hook,
        slot: usize,
        mut asked: RVec<StoredDecision>,
    ) -> Result<(), RunError> {
        let plan = self.plan.clone();
        let mut answers = RVec::new();
        let mut starved = false;
        for _ in 0..MOST_ROUNDS {
            let Ok(Answered::Questions(questions)) = contract::check(hook, &asked) else { return Ok(()) };
            // None: the episode ended meanwhile.
            let Some(round) = self.ask(plan.id(slot), questions).await? else { return Ok(()) };
            starved |= round.starved;
            answers.extend(round.answers);
            let called = self.call(hook, slot, &answers);
            match self.settle(hook, slot, called, starved)? {
                Some(next) => asked = next,
                None => return Ok(()),
            }
        }
        let message = format!("it asked {MOST_ROUNDS} times and still does not decide");
        self.machine.fault(Some(hook), plan.id(slot), &ModuleError::fault(message));
        Ok(())
    }

    /// The step's own model call.
    async fn model(&mut self) -> Result<(), RunError> {
        let machine = &mut self.machine;
        let chat = Chat {
            role: machine.request.role.clone(),
            prefix: machine.talk.key(),
            messages: machine.talk.all().clone(),
            tools: machine.tools.request_json(machine.request.visible.as_deref()),
            constraint: machine.request.constraint.clone(),
            sampling: machine.request.sampling.clone(),
            index: 0,
            purpose: Purpose::Step,
        };
        match self.chat(chat).await {
            Ok(reply) => {
                self.finish = reply.finish;
                self.machine.respond(reply.message, reply.extra);
            }
            Err(CallError::Module { module, error }) if error.class.is_transient() => {
                self.machine.infrastructure(None, &module, &error);
            }
            Err(CallError::Module { module, error }) => self.machine.fault(None, &module, &error),
            Err(CallError::Stopped(why)) => self.stopped(why),
            Err(CallError::Record(error)) => return Err(error.into()),
        }
        Ok(())
    }

    /// Waiting ended without an answer: so does the episode.
    pub fn stopped(&mut self, why: Stopped) {
        match why {
            Stopped::Cancelled => self.machine.end(Outcome::Cancelled, "it was told to stop"),
            Stopped::OutOfTime => {
                let seconds = self.machine.limits.micros / 1_000_000;
                self.machine.end(Outcome::Budget, format!("{seconds} s of wall clock are used"));
            }
        }
    }

    /// Brings the instances in line with the machine's plan: what is the same in both keeps its instance.
    fn renew(&mut self) {
        let old = mem::replace(&mut self.plan, self.machine.plan.clone());
        let mut kept: Vec<Option<ProcessorBox>> = mem::take(&mut self.processors).into_iter().map(Some).collect();
        let mut fresh = Vec::with_capacity(self.plan.slots.len());
        let mut failed = None;
        for slot in &self.plan.slots {
            let same = |other: &crate::plan::Slot| other.id == slot.id && Arc::ptr_eq(&other.module, &slot.module);
            let instance = old.slots.iter().position(same).and_then(|at| kept.get_mut(at)?.take());
            fresh.push(instance.is_none());
            match instance.map_or_else(|| slot.module.processor(), Ok) {
                Ok(instance) => self.processors.push(instance),
                Err(error) => {
                    failed = Some((slot.id.clone(), error));
                    break;
                }
            }
        }
        let tools = mem::take(&mut self.tools);
        for tool in &self.plan.tools {
            let at = old.tools.iter().position(|other| Arc::ptr_eq(other, tool));
            match at.and_then(|at| tools.get(at).cloned()).map_or_else(|| instance(tool), Ok) {
                Ok(instance) => self.tools.push(instance),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => self.machine.renewed(fresh),
            Some((module, error)) => self.machine.abort(Outcome::Fault, &module, &error),
        }
    }

    async fn flush(&mut self) -> Result<(), RunError> {
        if self.machine.phase == Phase::Ended {
            self.close_world().await;
        }
        self.asked.clear();
        let entries = mem::take(&mut self.machine.entries);
        self.told = 0;
        let step = self.machine.flushed_step();
        Ok(self.spec.recorder.step(&self.spec.meta.episode, step, entries)?)
    }

    fn finish(mut self) -> Result<Episode, RunError> {
        let micros = self.look();
        let (outcome, reason) = match self.machine.ending.take() {
            Some(ending) => (ending.outcome, ending.reason),
            None => (Outcome::Fault, "the engine ended without a reason".to_owned()),
        };
        let (state, grade) = self.world.map_or((Value::Null, None), |world| (world.state, world.grade));
        let mut usage = self.machine.spent.usage;
        usage.cost_micros += self.machine.spent.tools_cost_micros;
        let end = EpisodeEnd {
            outcome,
            reason,
            steps: self.machine.taken,
            usage,
            replayed: self.machine.spent.replayed,
            micros,
            state,
            grade,
        };
        self.spec.recorder.end(&self.spec.meta.episode, end.clone())?;
        let left = Machine::into_left(mem::take(&mut self.machine.left));
        Ok(Episode { end, history: self.machine.talk.into_history(), finish: self.finish, left })
    }
}

/// The shared instance of a tool, or a fresh one.
fn instance(tool: &ToolModule) -> Result<Arc<ToolBox>, (String, ModuleError)> {
    match &tool.shared {
        Some(shared) => Ok(shared.clone()),
        None => tool.module.tool().map(Arc::new).map_err(|error| (tool.id.clone(), error)),
    }
}
