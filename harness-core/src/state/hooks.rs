//! What a processor's answer to a hook means: a pass, decisions, questions, or a fault.

use harness_abi::{ErrorClass, ModuleError};
use harness_trace::Entry;
use serde_json::json;

use super::{ending::is_outside, phase::Phase, value::EpisodeState};
use crate::{
    contract::{self, Answered},
    effect::{HookAnswer, HookFailure},
};

impl EpisodeState {
    /// A processor answered after `took` microseconds.
    pub(super) fn hook_answered(&mut self, answer: HookAnswer, took: u64) {
        let HookAnswer { hook, slot, decisions, log } = answer;
        // Most answers change nothing, and cost next to nothing.
        let passed = decisions.as_ref().is_ok_and(|decisions| decisions.is_empty());
        if passed && log.is_empty() && self.asking.is_none() && took <= self.hook_deadline_micros {
            return self.pass();
        }
        let asking = self.asking.take();
        let plan = self.plan.clone();
        let module = plan.id(slot);
        if !log.is_empty() {
            let lines = log.into_iter().map(|(level, line)| json!({"log": {"level": level, "line": line}}));
            let module = module.to_owned();
            self.journal.push(Entry::Decided { hook, module, decisions: lines.collect() });
        }
        let starved = asking.as_ref().is_some_and(|asking| asking.starved);
        let decisions = match decisions {
            Ok(decisions) => decisions,
            // It lacked an answer, or its process, for reasons outside the harness.
            Err(HookFailure { error, lost })
                if (starved && is_outside(error.class)) || (lost && error.class.is_transient()) =>
            {
                return self.infrastructure(Some(hook), module, &error);
            }
            Err(HookFailure { error, .. }) => return self.fault(Some(hook), module, &error),
        };
        if took > self.hook_deadline_micros {
            let limit = self.hook_deadline_micros / 1000;
            let message = format!("it took {} ms, a hook may take {limit} ms", took / 1000);
            return self.fault(Some(hook), module, &ModuleError::new(ErrorClass::TIMEOUT, message));
        }
        if decisions.is_empty() {
            return self.pass();
        }
        match contract::check(hook, &decisions) {
            Ok(Answered::Decisions(checked)) => self.decide(hook, slot, &checked),
            Ok(Answered::Questions(_)) if !plan.slots.get(slot).is_some_and(|slot| slot.may_ask) => {
                let message = "it asks a model without the permission `model`; its manifest must declare it";
                self.fault(Some(hook), module, &ModuleError::fault(message));
            }
            Ok(Answered::Questions(questions)) => self.ask(asking, hook, slot, questions),
            Err(violation) => self.fault(Some(hook), module, &ModuleError::fault(violation)),
        }
    }

    /// The processor whose turn it was has nothing to change.
    pub(super) fn pass(&mut self) {
        match self.phase {
            Phase::AfterModel => self.turn.pass_response(),
            Phase::BeforeTool => self.turn.pass_call(),
            _ => self.cursor += 1,
        }
    }
}
