//! From one effect to the next: which is due, and to which part of the state its result goes.

use std::mem;

use harness_abi::{Hook, Message};
use harness_trace::{Entry, Outcome};

use super::{
    ending::TOLD_TO_STOP,
    phase::Phase,
    value::{EpisodeState, Opening},
};
use crate::{
    dialogue::Dialogue,
    effect::{Effect, EffectResult, HookAnswer},
    spending::Spent,
};

impl EpisodeState {
    /// What to do next. `cancelled`: the episode was told to stop.
    pub fn next(&mut self, cancelled: bool) -> Effect {
        if cancelled && self.ending.is_none() && self.phase >= Phase::TaskStart {
            self.end(Outcome::Cancelled, TOLD_TO_STOP);
        }
        loop {
            if self.reports
                && let Some(reply) = self.journal.next_reply()
            {
                return Effect::Report(reply);
            }
            if let Some((hook, slot)) = self.due_hook() {
                return Effect::Hook { hook, slot };
            }
            let due = if self.asking.is_some() { self.next_question() } else { self.advance() };
            if let Some(effect) = due {
                return effect;
            }
        }
    }

    /// The hook that is due, and the slot that answers it.
    fn due_hook(&self) -> Option<(Hook, usize)> {
        if let Some(asking) = &self.asking {
            return asking.questions.is_empty().then_some((asking.hook, asking.slot));
        }
        let hook = self.phase.hook()?;
        let cursor = match hook {
            Hook::AfterModel => self.turn.response_cursor()?,
            Hook::BeforeTool => self.turn.checked().filter(|call| call.result.is_none())?.cursor,
            Hook::AfterTool => self.turn.shown().map(|_| self.cursor)?,
            _ => self.cursor,
        };
        let slot = *self.plan.answers(hook).get(cursor)?;
        (!self.is_passed_over(slot)).then_some((hook, slot))
    }

    /// Whether a slot is not called at the hook of the present phase: the one that broke the episode is not called at its end, and one that is
    /// as it was before a switch of plans was called at its beginning already.
    fn is_passed_over(&self, slot: usize) -> bool {
        match self.phase {
            Phase::TaskEnd => self.broken.as_deref() == Some(self.plan.id(slot)),
            Phase::Renewed => !self.rules.fresh.get(slot).copied().unwrap_or(false),
            _ => false,
        }
    }

    /// What a processor answered to the last hook, `elapsed` microseconds after the episode began.
    pub fn feed_hook(&mut self, answer: HookAnswer, elapsed: u64) {
        let took = elapsed.saturating_sub(self.elapsed);
        self.elapsed = elapsed;
        self.hook_answered(answer, took);
    }

    /// What came of the last effect, if it was not a hook's, `elapsed` microseconds after the episode began.
    pub fn feed(&mut self, result: EffectResult, elapsed: u64) {
        self.elapsed = elapsed;
        match result {
            EffectResult::Done => {}
            EffectResult::Instances(fresh) => self.renewed(fresh),
            EffectResult::Model(answer) => self.model_answered(answer),
            EffectResult::Tool { call, output } => self.tool_answered(call, output),
            EffectResult::Observed(observed) => self.environment_answered(observed),
            EffectResult::Episode(ended) => self.inner_ended(ended),
            EffectResult::Abandoned(ends) => ends.iter().for_each(|end| self.spent.add_inner(end)),
            EffectResult::FinalState(state) => self.final_state_read(state),
            EffectResult::Graded(step) => self.graded(step),
        }
    }

    /// Goes on from a phase in which no hook is due: the effect it needs, if it needs one.
    fn advance(&mut self) -> Option<Effect> {
        match self.phase {
            Phase::Begin => {
                self.enter(Phase::Prepare);
                return Some(Effect::Begin(self.meta.clone()));
            }
            Phase::Prepare | Phase::Switch => return Some(Effect::Instances(self.plan.clone())),
            Phase::Open => return self.open(),
            Phase::TaskStart => self.enter(Phase::StepBegin),
            Phase::StepBegin => self.begin_step(),
            Phase::StepStart => self.enter(Phase::BeforeModel),
            Phase::BeforeModel => self.enter(Phase::Model),
            Phase::Model => return self.ask_model(),
            Phase::AfterModel => self.leave_after_model(),
            Phase::Turn => match self.turn.next_message() {
                Some(message) => self.begin_turn(message),
                None => self.enter(Phase::StepEnd),
            },
            Phase::BeforeTool => self.leave_before_tool(),
            Phase::Tools => return self.perform_calls(),
            Phase::AfterTool => self.leave_after_tool(),
            Phase::StepEnd => self.close_step(),
            Phase::Rules => self.next_rule(),
            Phase::Renewed => {
                if !self.pass_over() {
                    self.enter(Phase::Rules);
                }
            }
            Phase::Record => {
                self.enter(Phase::StepBegin);
                return Some(self.record(self.step.saturating_sub(1)));
            }
            Phase::Abandon => {
                self.enter(Phase::TaskEnd);
                return Some(Effect::Abandon);
            }
            Phase::TaskEnd => {
                if !self.pass_over() {
                    self.begin_grading();
                }
            }
            Phase::FinalState => return Some(Effect::FinalState),
            Phase::Grade => return self.next_grading(),
            Phase::LastRecord => {
                self.enter(Phase::Close);
                return Some(self.record(self.step));
            }
            Phase::Close => {
                self.enter(Phase::Over);
                return Some(Effect::Close(self.summary()));
            }
            Phase::Over => return Some(Effect::Over),
        }
        None
    }

    /// Goes past a slot that is not called at the hook; `false` when none is left.
    fn pass_over(&mut self) -> bool {
        let left = self.phase.hook().is_some_and(|hook| self.cursor < self.plan.answers(hook).len());
        self.cursor += usize::from(left);
        left
    }

    fn record(&mut self, step: u64) -> Effect {
        self.asked.clear();
        Effect::Record { step, entries: self.journal.take() }
    }

    /// The first messages of the conversation, or the reset that gives them.
    fn open(&mut self) -> Option<Effect> {
        match &mut self.opening {
            Opening::Environment { .. } => {
                let (seed, time_left) = (self.meta.seed, self.time_left());
                return Some(Effect::Reset { seed, time_left });
            }
            Opening::Prompt(prompt) => {
                let prompt = mem::take(prompt);
                self.enter(Phase::TaskStart);
                self.rebuild_tools();
                self.push(Message::user(prompt));
            }
            Opening::Dialogue(dialogue) => {
                let Dialogue { system, messages, tools } = mem::take(dialogue);
                self.enter(Phase::TaskStart);
                self.caller_tools = tools;
                self.rebuild_tools();
                if !system.is_empty() {
                    self.conversation.set_system(&system);
                    self.journal.push(Entry::System { text: system });
                }
                messages.into_iter().for_each(|message| self.push(message));
            }
        }
        // What the caller said before is no news to anybody.
        self.journal.skip_replies();
        None
    }

    fn begin_step(&mut self) {
        match self.spent.exhausted(&self.limits, self.step, self.elapsed) {
            Some(reason) if Spent::task_is_over(&self.limits, self.step) => self.end(Outcome::Done, reason),
            Some(reason) => self.end(Outcome::Budget, reason),
            None => {
                self.turn.called = false;
                self.request.begin_step(&self.plan.harness.sampling);
                self.enter(Phase::StepStart);
            }
        }
    }
}
