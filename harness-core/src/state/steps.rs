//! From one effect to the next: which is due, and to which part of the state its result goes.

use std::mem;

use harness_abi::{Hook, Message};
use harness_trace::{Entry, Outcome};

use super::{
    due::Due,
    ending::TOLD_TO_STOP,
    phase::Phase,
    value::{EpisodeState, Opening},
};
use crate::{
    dialogue::Dialogue,
    effect::{Effect, EffectResult, HookCall},
    spending::Spent,
};

impl EpisodeState {
    /// What to do next. `cancelled`: the episode was told to stop.
    pub fn next(&mut self, cancelled: bool) -> Effect<'_> {
        if cancelled && self.ending.is_none() && self.phase >= Phase::TaskStart {
            self.end(Outcome::Cancelled, TOLD_TO_STOP);
        }
        match self.advance() {
            Due::Effect(effect) => effect,
            Due::Hook { hook, slot } => Effect::Hook(HookCall { hook, slot, view: self.view(slot) }),
        }
    }

    /// What came of the last effect, `elapsed` microseconds after the episode began.
    pub fn feed(&mut self, result: EffectResult, elapsed: u64) {
        let took = elapsed.saturating_sub(self.elapsed);
        self.elapsed = elapsed;
        match result {
            EffectResult::Done => {}
            EffectResult::Instances(fresh) => self.renewed(fresh),
            EffectResult::Hook(answer) => self.hook_answered(answer, took),
            EffectResult::Model(answer) => self.model_answered(answer),
            EffectResult::Tool { call, output } => self.tool_answered(call, output),
            EffectResult::Observed(observed) => self.environment_answered(observed),
            EffectResult::Episode(ended) => self.inner_ended(ended),
            EffectResult::Abandoned(ends) => ends.iter().for_each(|end| self.spent.add_inner(end)),
            EffectResult::FinalState(state) => self.final_state_read(state),
            EffectResult::Graded(step) => self.graded(step),
        }
    }

    /// Goes on until something must be done.
    fn advance(&mut self) -> Due {
        loop {
            if self.reports
                && let Some(reply) = self.journal.next_reply()
            {
                return Due::Effect(Effect::Report(reply));
            }
            if self.asking.is_some() {
                match self.next_question() {
                    Some(due) => return due,
                    None => continue,
                }
            }
            let due = match self.phase {
                Phase::Begin => {
                    self.enter(Phase::Prepare);
                    return Due::Effect(Effect::Begin(self.meta.clone()));
                }
                Phase::Prepare | Phase::Switch => return Due::Effect(Effect::Instances(self.plan.clone())),
                Phase::Open => self.open(),
                Phase::TaskStart => self.at_hook(Hook::TaskStart, Phase::StepBegin),
                Phase::StepBegin => {
                    self.begin_step();
                    None
                }
                Phase::StepStart => self.at_hook(Hook::StepStart, Phase::BeforeModel),
                Phase::BeforeModel => self.at_hook(Hook::BeforeModel, Phase::Model),
                Phase::Model => self.ask_model().map(Due::Effect),
                Phase::AfterModel => self.after_model(),
                Phase::Turn => {
                    match self.turn.next_message() {
                        Some(message) => self.begin_turn(message),
                        None => self.enter(Phase::StepEnd),
                    }
                    None
                }
                Phase::BeforeTool => self.before_tool(),
                Phase::Tools => self.perform_calls().map(Due::Effect),
                Phase::AfterTool => self.after_tool(),
                Phase::StepEnd => match self.turn_at(Hook::StepEnd) {
                    Some(due) => Some(due),
                    None => {
                        self.close_step();
                        None
                    }
                },
                Phase::Rules => {
                    self.next_rule();
                    None
                }
                Phase::Renewed => self.introduce_new_slots(),
                Phase::Record => {
                    self.enter(Phase::StepBegin);
                    Some(self.record(self.step.saturating_sub(1)))
                }
                Phase::Abandon => {
                    self.enter(Phase::TaskEnd);
                    Some(Due::Effect(Effect::Abandon))
                }
                Phase::TaskEnd => match self.turn_at(Hook::TaskEnd) {
                    Some(Due::Hook { slot, .. }) if self.broken.as_deref() == Some(self.plan.id(slot)) => {
                        self.cursor += 1;
                        None
                    }
                    Some(due) => Some(due),
                    None => {
                        self.begin_grading();
                        None
                    }
                },
                Phase::FinalState => Some(Due::Effect(Effect::FinalState)),
                Phase::Grade => self.next_grading(),
                Phase::LastRecord => {
                    self.enter(Phase::Close);
                    Some(self.record(self.step))
                }
                Phase::Close => {
                    self.enter(Phase::Over);
                    Some(Due::Effect(Effect::Close(self.summary())))
                }
                Phase::Over => Some(Due::Effect(Effect::Over)),
            };
            if let Some(due) = due {
                return due;
            }
        }
    }

    /// The next processor of a hook about the episode as a whole; none is left: on to the next phase.
    fn at_hook(&mut self, hook: Hook, next: Phase) -> Option<Due> {
        let due = self.turn_at(hook);
        if due.is_none() {
            self.enter(next);
        }
        due
    }

    fn record(&mut self, step: u64) -> Due {
        self.asked.clear();
        Due::Effect(Effect::Record { step, entries: self.journal.take() })
    }

    /// The first messages of the conversation, or the reset that gives them.
    fn open(&mut self) -> Option<Due> {
        match &mut self.opening {
            Opening::Environment { .. } => {
                let (seed, time_left) = (self.meta.seed, self.time_left());
                return Some(Due::Effect(Effect::Reset { seed, time_left }));
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
