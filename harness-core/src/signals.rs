//! What mid-task rules look at: counters over the episode so far, and the exact test of each condition.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use harness_spec::Condition;
use serde::{Deserialize, Serialize};

/// Counters over the episode so far. A step's actions and observations are folded in as they happen; digests of 64 bits
/// stand for texts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Signals {
    /// Digest of what the present step did and observed so far.
    step: u64,
    acted: bool,
    progressed: bool,
    last: Option<u64>,
    repeats: u32,
    seen: BTreeSet<u64>,
    idle: u32,
    tool_errors: u32,
    parse_failures: u32,
    best_reward: f64,
    /// Conditions processors asked for at this step's end.
    asked: Vec<String>,
}

/// A digest from a hasher with fixed keys: the same in every process.
fn digest(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Signals {
    /// An action was taken.
    pub fn action(&mut self, name: &str, arguments: &str) {
        self.step = digest((self.step, name, arguments));
        self.acted = true;
    }

    /// Something was observed: a tool's result or the world's answer.
    pub fn observation(&mut self, text: &str, is_error: bool) {
        self.step = digest((self.step, text));
        self.progressed |= self.seen.insert(digest(text));
        self.tool_errors += u32::from(is_error);
    }

    /// The world gave this reward, the sum of the episode's so far being `total`.
    pub fn reward(&mut self, total: f64) {
        if total > self.best_reward {
            self.best_reward = total;
            self.progressed = true;
        }
    }

    /// A reply could not be parsed, or the world refused it as malformed.
    pub fn parse_failure(&mut self) {
        self.parse_failures += 1;
    }

    /// A processor asks to act as if the condition of this name held.
    pub fn ask(&mut self, signal: String) {
        self.asked.push(signal);
    }

    /// The step is over.
    pub fn close_step(&mut self) {
        let step = std::mem::take(&mut self.step);
        let repeated = self.acted && self.last == Some(step);
        self.repeats = if repeated { self.repeats + 1 } else { u32::from(self.acted) };
        self.last = self.acted.then_some(step);
        self.idle = if self.progressed { 0 } else { self.idle + 1 };
        (self.acted, self.progressed) = (false, false);
    }

    /// The step's requests are dealt with.
    pub fn forget_asked(&mut self) {
        self.asked.clear();
    }

    /// Whether a condition holds now; `share` is the largest share of any budget that is spent.
    ///
    /// `loop_detected(n)`: the last n steps took the same actions and observed the same. `tool_errors(n)`: n results so
    /// far were errors. `no_progress(n)`: for n steps no text was observed that had not been before, and no reward came.
    /// `parse_failures(n)`: n calls or actions so far were malformed. `budget_share(x)`: share ≥ x.
    pub fn holds(&self, condition: Condition, share: f64) -> bool {
        let holds = match condition {
            Condition::LoopDetected(n) => self.repeats >= n,
            Condition::ToolErrors(n) => self.tool_errors >= n,
            Condition::NoProgress(n) => self.idle >= n,
            Condition::ParseFailures(n) => self.parse_failures >= n,
            Condition::BudgetShare(x) => share >= x,
        };
        holds || self.asked.iter().any(|signal| signal == condition.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(signals: &mut Signals, action: &str, observation: &str) {
        signals.action("act", action);
        signals.observation(observation, observation == "error");
        signals.close_step();
    }

    #[test]
    fn conditions_follow_the_episode() {
        let mut signals = Signals::default();
        for (action, observation, repeats, idle, errors) in [
            ("look", "a room", 1, 0, 0),
            ("look", "a room", 2, 1, 0),
            ("look", "a hall", 1, 0, 0),
            ("look", "error", 1, 0, 1),
            ("look", "error", 2, 1, 2),
            ("look", "a room", 1, 2, 2),
            ("go", "a room", 1, 3, 2),
        ] {
            step(&mut signals, action, observation);
            let exactly = |make: fn(u32) -> Condition, n: u32| {
                (n == 0 || signals.holds(make(n), 0.0)) && !signals.holds(make(n + 1), 0.0)
            };
            assert!(exactly(Condition::LoopDetected, repeats), "{action}/{observation}: {signals:?}");
            assert!(exactly(Condition::NoProgress, idle), "{action}/{observation}: {signals:?}");
            assert!(exactly(Condition::ToolErrors, errors), "{action}/{observation}: {signals:?}");
        }
        signals.reward(1.0);
        step(&mut signals, "go", "a room");
        assert!(!signals.holds(Condition::NoProgress(1), 0.0), "a reward is progress");
        assert!(signals.holds(Condition::BudgetShare(0.5), 0.5));
        signals.ask("parse_failures".into());
        assert!(signals.holds(Condition::ParseFailures(9), 0.0), "as if it held");
        signals.forget_asked();
        assert!(!signals.holds(Condition::ParseFailures(9), 0.0));
    }
}
