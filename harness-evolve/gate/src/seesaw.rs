//! The seesaw of HarnessX as an option: no task that passed may fail, under pass@2. Refuses to be called a proof: it
//! blocks on a single unlucky task and lets a loss through that no single task shows; it only ever takes ships away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, Pair};
use crate::unit::Unit;

/// What the seesaw saw: every task with its attempts by both arms, two where it is the paper's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seesaw {
    /// The attempts.
    pub pairs: Vec<Pair>,
    /// Tasks that passed in at least one attempt of the incumbent.
    pub passed: u32,
    /// Of those, the ones that passed in no attempt of the candidate.
    pub regressed: Vec<String>,
}

impl Seesaw {
    /// Weighs the attempts. A pass is the full score; whatever else happened is none.
    pub fn of(pairs: Vec<Pair>) -> Self {
        let mut tasks: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        let passes = |outcome: Outcome| outcome.score() == Some(Unit::ONE);
        for pair in &pairs {
            let task = tasks.entry(&pair.task).or_default();
            *task = (task.0 || passes(pair.incumbent), task.1 || passes(pair.candidate));
        }
        let regressed = tasks.iter().filter(|(_, (before, now))| *before && !now);
        let regressed = regressed.map(|(task, _)| (*task).to_owned()).collect();
        let passed = tasks.values().filter(|(before, _)| *before).count() as u32;
        Self { pairs, passed, regressed }
    }

    /// Whether a task regressed.
    pub fn blocks(&self) -> bool {
        !self.regressed.is_empty()
    }
}
