//! Everything about a test that is fixed before its first outcome: who, on which groups in which order, at what level,
//! when to stop. Refuses plans under which a bet could be dropped, doubled or unbounded.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::order::{GATE, draw_order, order_digest};
use crate::process::{Claim, Stopping};
use crate::unit::{Alpha, Unit};

/// A group and the tasks of it that will be run, all of them in one bet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGroup {
    /// Group id.
    pub group: String,
    /// Ids of its tasks.
    pub tasks: Vec<String>,
}

/// The terms of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Seed of the run; it fixes the order of the groups, the same for every candidate.
    pub run_seed: u64,
    /// Id of the harness that wants in.
    pub candidate: String,
    /// Id of the harness it is measured against.
    pub incumbent: String,
    /// Gate groups that were used up before it: where in the stream it begins.
    pub used_up: u32,
    /// What is to be proven.
    pub claim: Claim,
    /// The level granted to this test.
    pub alpha: Alpha,
    /// When it may stop.
    pub stopping: Stopping,
    /// Seeds of the episodes; every task is played once with each, by both arms.
    pub seeds: Vec<u64>,
    /// How often a group is tried in all when the infrastructure fails; at least 1.
    pub attempts: u32,
}

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A group or task or seed appears twice.
    #[error("{what} `{id}` appears twice in the plan; each may be counted once")]
    Twice {
        /// Group, task or seed.
        what: &'static str,
        /// Which one.
        id: String,
    },
    /// Nothing to run.
    #[error("the plan has no {what}; a test needs at least one")]
    Missing {
        /// Groups, tasks, seeds or attempts.
        what: &'static str,
    },
    /// Level zero proves nothing.
    #[error("the test was granted a level of 0, at which nothing can be proven; the error budget is spent")]
    NoAlpha,
    /// A margin or δ of 1 leaves no room to bet.
    #[error("{what} is 1; it must be below 1")]
    Margin {
        /// Margin or δ.
        what: &'static str,
    },
}

/// A test, ready to run: the terms and the groups in drawn order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuelPlan {
    /// The terms.
    pub terms: Terms,
    /// The groups in the order in which they will be counted.
    pub order: Vec<PlannedGroup>,
}

impl DuelPlan {
    /// Draws the order. The laws of a plan are checked where a duel is opened from it.
    pub fn draw(terms: Terms, groups: Vec<PlannedGroup>) -> Self {
        let order = draw_order(terms.run_seed, GATE, groups, |planned| planned.group.as_str());
        Self { terms, order }
    }

    /// BLAKE3 (hex) of the drawn order of group ids.
    pub fn order_digest(&self) -> String {
        order_digest(self.order.iter().map(|planned| planned.group.as_str()))
    }

    /// Checks the laws of a plan. Its order is checked by [`DuelPlan::order_is_drawn`].
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn check(&self) -> Result<(), PlanError> {
        let terms = &self.terms;
        for (what, missing) in [
            ("groups", self.order.is_empty()),
            ("seeds", terms.seeds.is_empty()),
            ("attempts", terms.attempts == 0),
            ("tasks in one of its groups", self.order.iter().any(|planned| planned.tasks.is_empty())),
        ] {
            if missing {
                return Err(PlanError::Missing { what });
            }
        }
        if terms.alpha == Alpha::ZERO {
            return Err(PlanError::NoAlpha);
        }
        if matches!(terms.claim, Claim::NonInferior { margin: Unit::ONE }) {
            return Err(PlanError::Margin { what: "the margin of non-inferiority" });
        }
        if terms.stopping.futility.is_some_and(|futility| futility.delta == Unit::ONE) {
            return Err(PlanError::Margin { what: "the smallest effect worth having" });
        }
        let (mut groups, mut tasks, mut seeds) = (HashSet::new(), HashSet::new(), HashSet::new());
        for planned in &self.order {
            if !groups.insert(&planned.group) {
                return Err(PlanError::Twice { what: "group", id: planned.group.clone() });
            }
            if let Some(task) = planned.tasks.iter().find(|task| !tasks.insert(*task)) {
                return Err(PlanError::Twice { what: "task", id: task.clone() });
            }
        }
        match terms.seeds.iter().find(|seed| !seeds.insert(**seed)) {
            Some(seed) => Err(PlanError::Twice { what: "seed", id: seed.to_string() }),
            None => Ok(()),
        }
    }

    /// Whether the order is the one that the run's seed draws.
    pub fn order_is_drawn(&self) -> bool {
        let drawn = draw_order(self.terms.run_seed, GATE, self.order.clone(), |planned| planned.group.as_str());
        drawn == self.order
    }
}
