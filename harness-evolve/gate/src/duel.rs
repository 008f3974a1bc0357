//! A candidate against the incumbent on the gate stream: a state machine that says which groups to run and counts their
//! outcomes in drawn order, whatever order they arrive in. Refuses IO, unplanned pairs, dropped pairs, and a second
//! opinion about a group.
//!
//! The state is the plan, the outcomes and whether it was called off; all else is folded from them again, so a duel
//! written to a file and read back goes on to the same verdict.

use serde::{Deserialize, Serialize};

use crate::certificate::{CallOff, Certificate, GroupOutcome};
use crate::outcome::{Difference, Pair};
use crate::plan::{DuelPlan, PlanError, PlannedGroup};
use crate::process::{Claim, Process, Reason, Verdict};

/// What became of a recorded group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is counted, or will be when its turn comes.
    Kept,
    /// The infrastructure failed in these (task, seed): run *both* arms of each again, then record the whole group
    /// again. The rule sees the kind of fault and nothing else.
    Repeat(Vec<(String, u64)>),
    /// The duel already has its answer; the outcome is not needed.
    Over,
}

/// An outcome the duel cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The group is not in the plan.
    #[error("group `{group}` is not in the plan of candidate `{candidate}`")]
    Unplanned {
        /// The group.
        group: String,
        /// The duel's candidate.
        candidate: String,
    },
    /// The pairs are not exactly the planned tasks times the planned seeds.
    #[error(
        "group `{group}` came with {got} pairs that are not its {planned} planned ones (every task with every seed, once): no pair may be dropped or added"
    )]
    WrongPairs {
        /// The group.
        group: String,
        /// Pairs given.
        got: usize,
        /// Pairs planned.
        planned: usize,
    },
    /// The group was recorded before with other outcomes.
    #[error(
        "group `{group}` was already recorded with other outcomes; an outcome depends on harness, task and seed alone"
    )]
    Contradiction {
        /// The group.
        group: String,
    },
    /// The claim is about prices and a pair has none.
    #[error("group `{group}` came with a pair without prices, and the claim is that the candidate is cheaper")]
    NoPrice {
        /// The group.
        group: String,
    },
    /// A saved duel whose plan breaks a law.
    #[error("the saved duel's plan is not valid")]
    Plan(#[from] PlanError),
}

/// What is known of a group.
#[derive(Debug, Clone)]
enum Slot {
    /// Nothing yet.
    Open,
    /// The infrastructure failed; there are attempts left.
    Again(GroupOutcome),
    /// Final: its difference, or `None` when it was lost to the infrastructure.
    Final(GroupOutcome, Option<Difference>),
}

impl Slot {
    fn outcome(&self) -> Option<&GroupOutcome> {
        match self {
            Self::Open => None,
            Self::Again(outcome) | Self::Final(outcome, _) => Some(outcome),
        }
    }
}

/// What is written down of a duel.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    plan: DuelPlan,
    outcomes: Vec<GroupOutcome>,
    called_off: Option<CallOff>,
}

/// The sequential paired test of one candidate on the groups ahead of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Duel {
    plan: DuelPlan,
    /// Places of the order sorted by group id, for looking a group up.
    by_id: Vec<usize>,
    /// What is known of each group, in drawn order.
    slots: Vec<Slot>,
    /// Groups counted so far: a prefix of the order.
    counted: usize,
    process: Process,
    called_off: Option<CallOff>,
    ended: Option<Reason>,
}

impl Duel {
    /// Opens the duel of a plan.
    ///
    /// # Errors
    /// The plan breaks one of its laws.
    pub fn new(plan: DuelPlan) -> Result<Self, PlanError> {
        plan.check()?;
        let terms = &plan.terms;
        let process = Process::new(terms.claim, terms.alpha, terms.stopping, plan.order.len() as u32);
        let mut by_id: Vec<usize> = (0..plan.order.len()).collect();
        by_id.sort_by(|&a, &b| plan.order[a].group.cmp(&plan.order[b].group));
        let slots = vec![Slot::Open; plan.order.len()];
        let ended = process.at_end();
        Ok(Self { plan, by_id, slots, counted: 0, process, called_off: None, ended })
    }

    /// The first `n` groups of the drawn order that have no outcome yet; none once there is an answer. The caller
    /// keeps `n` in flight by starting those it has not started.
    pub fn next_groups(&self, n: usize) -> Vec<&PlannedGroup> {
        if self.ended.is_some() {
            return Vec::new();
        }
        let planned = self.plan.order.iter().zip(&self.slots).skip(self.counted);
        planned.filter(|(_, slot)| !matches!(slot, Slot::Final(..))).map(|(planned, _)| planned).take(n).collect()
    }

    /// Takes the outcome of a group, in any order of groups and pairs. Recording the same outcome twice is harmless.
    ///
    /// # Errors
    /// The group or its pairs are not the planned ones, or contradict what was recorded.
    pub fn record(&mut self, group: &str, pairs: Vec<Pair>) -> Result<Recorded, RecordError> {
        let known = self.place_of(group).and_then(|place| self.slots[place].outcome());
        let attempts = known.map_or(1, |known| known.attempts + 1);
        self.replay(GroupOutcome { group: group.to_owned(), attempts, pairs })
    }

    /// Takes an outcome with the attempts it was written down with.
    pub(crate) fn replay(&mut self, mut outcome: GroupOutcome) -> Result<Recorded, RecordError> {
        let Some(place) = self.place_of(&outcome.group) else {
            return Err(RecordError::Unplanned { group: outcome.group, candidate: self.plan.terms.candidate.clone() });
        };
        outcome.pairs.sort_by(|a, b| (&a.task, a.seed).cmp(&(&b.task, b.seed)));
        self.check_pairs(place, &outcome)?;
        if let Slot::Final(known, difference) = &self.slots[place] {
            // A group that used up its attempts stays lost: a later, luckier try must not change the verdict.
            if difference.is_none() || known.pairs == outcome.pairs {
                return Ok(Recorded::Kept);
            }
            return Err(RecordError::Contradiction { group: outcome.group });
        }
        if self.ended.is_some() {
            return Ok(Recorded::Over);
        }
        let difference = self.plan.terms.claim.difference(&outcome.pairs);
        if difference.is_none() && outcome.attempts < self.plan.terms.attempts {
            let failed = |pair: &&Pair| pair.incumbent.score().is_none() || pair.candidate.score().is_none();
            let again = outcome.pairs.iter().filter(failed).map(|pair| (pair.task.clone(), pair.seed)).collect();
            self.slots[place] = Slot::Again(outcome);
            return Ok(Recorded::Repeat(again));
        }
        self.slots[place] = Slot::Final(outcome, difference);
        self.count();
        Ok(Recorded::Kept)
    }

    fn place_of(&self, group: &str) -> Option<usize> {
        let found = self.by_id.binary_search_by(|&place| self.plan.order[place].group.as_str().cmp(group));
        found.ok().map(|at| self.by_id[at])
    }

    fn check_pairs(&self, place: usize, outcome: &GroupOutcome) -> Result<(), RecordError> {
        let (tasks, seeds) = (&self.plan.order[place].tasks, &self.plan.terms.seeds);
        let mut expected: Vec<_> =
            tasks.iter().flat_map(|task| seeds.iter().map(move |&seed| (task.as_str(), seed))).collect();
        expected.sort_unstable();
        let group = outcome.group.clone();
        if !expected.iter().copied().eq(outcome.pairs.iter().map(|pair| (pair.task.as_str(), pair.seed))) {
            return Err(RecordError::WrongPairs { group, got: outcome.pairs.len(), planned: expected.len() });
        }
        if self.plan.terms.claim == Claim::Cheaper && outcome.pairs.iter().any(|pair| pair.price.is_none()) {
            return Err(RecordError::NoPrice { group });
        }
        Ok(())
    }

    /// Counts every finished group whose turn has come.
    fn count(&mut self) {
        while self.ended.is_none()
            && let Some(Slot::Final(_, difference)) = self.slots.get(self.counted)
        {
            self.ended = match difference {
                Some(difference) => self.process.enter(difference.mean()),
                None => Some(Reason::Infrastructure),
            };
            self.counted += 1;
        }
        self.forget_the_rest();
    }

    /// Outcomes whose turn never comes are no part of the state: it must not depend on what was in flight at the end.
    fn forget_the_rest(&mut self) {
        if self.ended.is_some() {
            self.slots[self.counted..].fill(Slot::Open);
        }
    }

    /// Ends the duel without a proof; does nothing once there is an answer.
    pub fn call_off(&mut self, why: CallOff) {
        if self.ended.is_none() {
            self.called_off = Some(why);
            self.ended = Some(why.into());
            self.forget_the_rest();
        }
    }

    /// The plan.
    pub fn plan(&self) -> &DuelPlan {
        &self.plan
    }

    /// The answer, once there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.ended.map(Reason::verdict)
    }

    /// The certificate, once there is an answer.
    pub fn certificate(&self) -> Option<Certificate> {
        let reason = self.ended?;
        let counted = self.slots.iter().take(self.counted).filter_map(Slot::outcome).cloned().collect();
        Some(Certificate::new(self.plan.clone(), counted, self.called_off, reason, &self.process))
    }
}

impl From<Duel> for Saved {
    fn from(duel: Duel) -> Self {
        Self {
            plan: duel.plan,
            outcomes: duel.slots.iter().filter_map(Slot::outcome).cloned().collect(),
            called_off: duel.called_off,
        }
    }
}

impl TryFrom<Saved> for Duel {
    type Error = RecordError;

    fn try_from(saved: Saved) -> Result<Self, RecordError> {
        let mut duel = Self::new(saved.plan)?;
        for outcome in saved.outcomes {
            duel.replay(outcome)?;
        }
        if let Some(why) = saved.called_off {
            duel.call_off(why);
        }
        Ok(duel)
    }
}
