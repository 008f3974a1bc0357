//! Between two steps: whether the episode is over, which mid-task rules fire, and what a switch to another variant renews.

use harness_abi::ModuleError;
use harness_trace::{Entry, Outcome};

use super::{phase::Phase, value::EpisodeState};
use crate::{effect::NotUp, request::Request, spending::BudgetLimits};

impl EpisodeState {
    /// The processors of step_end have decided: the episode is over, or rules are looked at.
    pub(super) fn close_step(&mut self) {
        if self.watched() {
            self.signals.close_step();
        }
        if self.is_environment_done() {
            self.end(Outcome::Done, "the environment said it is over");
        } else if self.turn.has_left() {
            self.end(Outcome::Done, "a tool of the caller was called");
        } else if !self.turn.called {
            self.end(Outcome::Done, "the model answered without calling a tool");
        } else {
            self.rules.rule = 0;
            self.enter(Phase::Rules);
        }
    }

    /// Fires the next rule that holds; each at most once after a step. No rule left: the step is over.
    pub(super) fn next_rule(&mut self) {
        while let Some(rule) = self.plan.harness.adapt.get(self.rules.rule) {
            let index = self.rules.rule;
            self.rules.rule += 1;
            let spent = rule.once && self.rules.fired.get(index).copied().unwrap_or(false);
            let share = self.spent.share(&self.limits, self.step + 1, self.elapsed);
            if spent || !self.signals.holds(rule.when, share) {
                continue;
            }
            if let Some(fired) = self.rules.fired.get_mut(index) {
                *fired = true;
            }
            let target =
                self.plan.switches.get(index).cloned().unwrap_or_else(|| Err("it was not assembled".to_owned()));
            match target {
                Ok(next) if next == self.variant => {}
                Ok(next) => return self.switch(index, next),
                Err(problem) => {
                    let message = format!("the rule does not apply to the live harness: {problem}");
                    let rule = format!("adapt:{}", rule.id);
                    return self.fault(None, &rule, &ModuleError::config(message));
                }
            }
        }
        self.signals.forget_asked();
        self.step += 1;
        self.enter(Phase::Record);
    }

    /// The harness becomes another of its variants.
    fn switch(&mut self, rule: usize, variant: usize) {
        let Some(next) = self.bindings.harness.plans.get(variant).cloned() else { return };
        self.journal.push(Entry::Adapted { rule, from: self.plan.variant.clone(), to: next.variant.clone() });
        // Tools first: where they cannot be offered together, the episode ends with the plan whose instances are there.
        match self.offered(&next) {
            Ok(tools) => self.tools = tools,
            Err(name) => return self.offered_twice(&name),
        }
        self.limits = BudgetLimits::new(&next.harness.budget, self.max_turns).within(self.limits.allowed);
        self.request = Request::new(&next.harness.sampling);
        (self.plan, self.variant) = (next, variant);
        self.enter(Phase::Switch);
    }

    /// The instances of the present plan are there; `fresh` says which of its slots have new ones.
    pub(super) fn renewed(&mut self, fresh: Result<Vec<bool>, NotUp>) {
        match fresh {
            Err(NotUp { module, error, lost }) => {
                let outcome = if lost { Outcome::Infrastructure } else { Outcome::Fault };
                self.abort(outcome, &module, &error);
            }
            Ok(_) if self.phase == Phase::Prepare => self.enter(Phase::Open),
            Ok(fresh) => {
                self.rules.fresh = fresh;
                self.enter(Phase::Renewed);
            }
        }
    }
}
