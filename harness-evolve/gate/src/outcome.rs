//! What the judge is told: the outcome of each arm on each (task, seed), what it cost where that is asked, and the mean
//! difference of a group. Refuses to drop anything: whatever is not a score counts as zero, and an infrastructure fault
//! is not an outcome at all.

use serde::{Deserialize, Serialize};

use crate::unit::Unit;

/// How one episode of one arm ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The grader gave a score.
    Scored(Unit),
    /// The harness failed: a module erred, panicked or broke its contract. Counts as 0.
    Fault,
    /// The episode's time ran out. Counts as 0.
    Timeout,
    /// The episode's steps, tokens or money ran out. Counts as 0.
    BudgetSpent,
    /// Something that belongs to neither arm failed (host out of memory, model server down): both arms are repeated.
    Infrastructure,
}

impl Outcome {
    /// The score that enters the bet; `None` for an infrastructure fault, which never enters one.
    pub const fn score(self) -> Option<Unit> {
        match self {
            Self::Scored(score) => Some(score),
            Self::Fault | Self::Timeout | Self::BudgetSpent => Some(Unit::ZERO),
            Self::Infrastructure => None,
        }
    }
}

/// What both arms took, in one unit: money, tokens or microseconds, as if nothing had been replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The incumbent's.
    pub incumbent: u64,
    /// The candidate's.
    pub candidate: u64,
}

impl Price {
    /// What the candidate saves, (a − b)/max(a, b) in whole millionths, rounded towards zero: from −1 for any price
    /// against none to 1 for none against any; 0 where both are none.
    pub fn saving(self) -> i64 {
        let dearer = i128::from(self.incumbent.max(self.candidate));
        let saved = i128::from(self.incumbent) - i128::from(self.candidate);
        (saved * i128::from(Unit::PER_ONE)).checked_div(dearer).unwrap_or(0) as i64
    }
}

/// Both arms on one task with one seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Task id.
    pub task: String,
    /// Seed of the episode, the same for both arms.
    pub seed: u64,
    /// The incumbent's outcome, reused per (task, seed) where it is known.
    pub incumbent: Outcome,
    /// The candidate's outcome.
    pub candidate: Outcome,
    /// What both took, where the run's objective asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// The gain or the saving of a group as an exact fraction: a sum of the pairs' differences in millionths over so many pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Difference {
    /// Sum of the pairs' differences in millionths.
    pub millionths: i64,
    /// Number of pairs.
    pub pairs: u32,
}

impl Difference {
    /// The difference over a group's pairs; `None` while any arm is an infrastructure fault.
    pub fn of(pairs: &[Pair]) -> Option<Self> {
        pairs.iter().try_fold(Self::default(), |sum, pair| {
            let incumbent = i64::from(pair.incumbent.score()?.millionths());
            let candidate = i64::from(pair.candidate.score()?.millionths());
            Some(Self { millionths: sum.millionths + candidate - incumbent, pairs: sum.pairs + 1 })
        })
    }

    /// The savings over a group's pairs, 0 for a pair without prices; `None` while any arm is an infrastructure fault.
    pub fn saved(pairs: &[Pair]) -> Option<Self> {
        let gain = Self::of(pairs)?;
        let saved = pairs.iter().filter_map(|pair| pair.price).map(Price::saving).sum();
        Some(Self { millionths: saved, ..gain })
    }

    /// d ∈ [−1, 1], the mean of the paired differences: one correctly rounded division of exact integers. 0 for an
    /// empty group.
    pub fn mean(self) -> f64 {
        if self.pairs == 0 {
            return 0.0;
        }
        self.millionths as f64 / (f64::from(self.pairs) * f64::from(Unit::PER_ONE))
    }
}
