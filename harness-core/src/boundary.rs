//! The boundary between two steps: whether the episode is over, and which mid-task rules fire. Pure, like the machine it is
//! part of.

use harness_abi::ModuleError;
use harness_trace::{Entry, Outcome};

use crate::{
    machine::{Act, Machine, Phase},
    request::Request,
    spending::Limits,
};

impl Machine {
    /// The processors of step_end have spoken: the episode is over, or rules are looked at.
    pub fn close_step(&mut self) {
        if self.watched() {
            self.signals.close_step();
        }
        if self.world_done {
            self.end(Outcome::Done, "the environment said it is over");
        } else if !self.left.is_empty() {
            self.end(Outcome::Done, "a tool of the caller was called");
        } else if !self.called {
            self.end(Outcome::Done, "the model answered without calling a tool");
        } else {
            self.rule = 0;
            self.enter(Phase::Rules);
        }
    }

    /// Fires the next rule that holds; each at most once at a boundary. No rule left: the step is over.
    pub fn next_rule(&mut self, elapsed: u64) -> Option<Act> {
        while let Some(rule) = self.plan.harness.adapt.get(self.rule) {
            let index = self.rule;
            self.rule += 1;
            let spent = rule.once && self.fired.get(index).copied().unwrap_or(false);
            let share = self.spent.share(&self.limits, self.step + 1, elapsed);
            if spent || !self.signals.holds(rule.when, share) {
                continue;
            }
            if let Some(fired) = self.fired.get_mut(index) {
                *fired = true;
            }
            let target =
                self.plan.switches.get(index).cloned().unwrap_or_else(|| Err("it was not assembled".to_owned()));
            let next = match target {
                Ok(next) => self.plans.get(next).cloned(),
                Err(problem) => {
                    let message = format!("the rule does not apply to the live harness: {problem}");
                    self.fault(None, &format!("adapt:{}", rule.id), &ModuleError::config(message));
                    return None;
                }
            };
            let Some(next) = next.filter(|next| next.variant != self.plan.variant) else { continue };
            self.entries.push(Entry::Adapted {
                rule: index,
                from: self.plan.variant.clone(),
                to: next.variant.clone(),
            });
            self.limits = Limits::new(&next.harness.budget, self.max_turns).within(self.limits.allowed);
            self.plan = next;
            self.request = Request::new(&self.plan.harness.sampling);
            self.rebuild_tools();
            if self.ending.is_some() {
                return None;
            }
            return Some(Act::Renew);
        }
        self.signals.forget_asked();
        self.step += 1;
        self.enter(Phase::Flush);
        None
    }

    /// The driver has renewed the slots that differ; the new ones hear task_start before anything else.
    pub fn renewed(&mut self, fresh: Vec<bool>) {
        self.fresh = fresh;
        self.enter(Phase::Renew);
    }
}
