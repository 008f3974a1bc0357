//! One sequential test over group differences: the claim, the capital for it, the capital against it, and
//! the rules of stopping. Refuses order and bookkeeping: differences come in as they are to be counted.

use serde::{Deserialize, Serialize};

use crate::bet::{Capital, Stake};
use crate::outcome::{Difference, Pair};
use crate::unit::{Alpha, Unit};

/// What is to be proven about the mean difference d over the population of groups: candidate − incumbent in score, or for
/// [`Claim::Cheaper`] what the candidate saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Claim {
    /// Mean gain > 0. Bets on x = d.
    Gain,
    /// Mean harm > `beyond`: the mirror image. Bets on x = (−d − beyond)/(1 + beyond).
    Harm {
        /// The harm that would be tolerated; 0 for any harm at all.
        beyond: Unit,
    },
    /// Mean gain > −margin. Bets on x = (d + margin)/(1 − margin), the scaling that makes all-in admissible.
    NonInferior {
        /// The loss that would be tolerated, ε; below 1.
        margin: Unit,
    },
    /// Mean saving > 0, where a pair saves (a − b)/max(a, b) of its prices. Bets on x = d.
    Cheaper,
}

impl Claim {
    /// The difference of a group that the claim is about; `None` while any arm is an infrastructure fault.
    pub fn difference(self, pairs: &[Pair]) -> Option<Difference> {
        match self {
            Self::Cheaper => Difference::saved(pairs),
            Self::Gain | Self::Harm { .. } | Self::NonInferior { .. } => Difference::of(pairs),
        }
    }

    /// The difference in the claim's favour: −d for harm, d otherwise.
    fn favour(self, d: f64) -> f64 {
        match self {
            Self::Harm { .. } => -d,
            Self::Gain | Self::Cheaper | Self::NonInferior { .. } => d,
        }
    }

    /// Margin by which the null mean lies below zero (negative: above).
    fn margin(self) -> f64 {
        match self {
            Self::NonInferior { margin } => margin.value(),
            Self::Harm { beyond } => -beyond.value(),
            Self::Gain | Self::Cheaper => 0.0,
        }
    }

    /// The bet's outcome x ≥ −1, whose mean is ≤ 0 when the claim is false.
    fn payoff(self, d: f64) -> f64 {
        let margin = self.margin();
        (self.favour(d) + margin) / (1.0 - margin)
    }

    fn stake(self) -> Stake {
        match self {
            Self::NonInferior { .. } => Stake::Clean,
            Self::Gain | Self::Cheaper | Self::Harm { .. } => Stake::Spread,
        }
    }
}

/// Giving up on an effect that is too small to be worth the rollouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Futility {
    /// The smallest effect worth having, δ. For non-inferiority use 0: no loss at all.
    pub delta: Unit,
    /// Chance of giving up wrongly on an effect of δ or more, β.
    pub beta: Alpha,
}

impl Default for Futility {
    /// 20 points, given up wrongly in at most one case of ten.
    fn default() -> Self {
        Self { delta: Unit::points(20), beta: Alpha::ONE_IN_TEN }
    }
}

/// When a test may stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// No acceptance before this many groups.
    pub min_groups: u32,
    /// Early rejection of effects below δ; `None` plays every group there is unless the threshold is out of reach.
    pub futility: Option<Futility>,
}

impl Default for Stopping {
    fn default() -> Self {
        Self { min_groups: 1, futility: Some(Futility::default()) }
    }
}

/// The answer of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The claim is proven at the test's α.
    Accept,
    /// The claim is not proven and is not worth more rollouts.
    Reject,
    /// The data ended before an answer.
    Insufficient,
}

/// Why a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Accept: capital reached 1/α.
    Proven,
    /// Reject: capital against "the effect is at least δ" reached 1/β.
    Futile,
    /// Reject: no group is left, or even if every group left went the claim's way capital could not reach 1/α; and the
    /// mean difference so far does not favour the claim.
    NoEffect,
    /// Insufficient: likewise, but the mean difference favours the claim: these groups are too few to tell.
    GroupsExhausted,
    /// Insufficient: the run's budget ended first.
    Budget,
    /// Insufficient: a group could not be run for want of a working infrastructure.
    Infrastructure,
    /// Insufficient: another candidate shipped; this one begins again against the new incumbent on fresh groups.
    Rebased,
}

impl Reason {
    /// The verdict a reason belongs to.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Proven => Verdict::Accept,
            Self::Futile | Self::NoEffect => Verdict::Reject,
            Self::GroupsExhausted | Self::Budget | Self::Infrastructure | Self::Rebased => Verdict::Insufficient,
        }
    }
}

/// A running test over differences in counting order.
#[derive(Debug, Clone)]
pub struct Process {
    claim: Claim,
    threshold: f64,
    stopping: Stopping,
    groups: u32,
    of: u32,
    capital: Capital,
    peak: f64,
    against: Capital,
    sum: f64,
}

impl Process {
    /// A test of `claim` at level `alpha` over at most `of` groups.
    pub fn new(claim: Claim, alpha: Alpha, stopping: Stopping, of: u32) -> Self {
        Self {
            claim,
            threshold: alpha.threshold(),
            stopping,
            groups: 0,
            of,
            capital: Capital::new(claim.stake()),
            peak: 1.0,
            against: Capital::new(Stake::Spread),
            sum: 0.0,
        }
    }

    /// Counts the next group's mean difference and says whether the test is over. Further groups after an answer are
    /// the caller's mistake and would only move the numbers of the report.
    pub fn enter(&mut self, d: f64) -> Option<Reason> {
        self.groups += 1;
        self.sum += d;
        self.capital.bet(self.claim.payoff(d));
        let capital = self.capital.total();
        self.peak = self.peak.max(capital);
        if capital >= self.threshold && self.groups >= self.stopping.min_groups {
            return Some(Reason::Proven);
        }
        if let Some(Futility { delta, beta }) = self.stopping.futility {
            let delta = delta.value();
            self.against.bet((delta - self.claim.favour(d)) / (1.0 - delta));
            if self.against.total() >= beta.threshold() {
                return Some(Reason::Futile);
            }
        }
        self.at_end()
    }

    /// The answer when nothing more can change it: no group left, or the threshold out of reach. Also the answer of a
    /// test over no groups at all.
    pub fn at_end(&self) -> Option<Reason> {
        let left = self.of.saturating_sub(self.groups);
        let best = (1.0 + self.claim.margin()) / (1.0 - self.claim.margin());
        let reachable = self.capital.at_best(best, left as usize, self.threshold) >= self.threshold;
        if left > 0 && reachable && self.of >= self.stopping.min_groups {
            return None;
        }
        let favours = self.groups == 0 || self.claim.payoff(self.mean()) > 0.0;
        Some(if favours { Reason::GroupsExhausted } else { Reason::NoEffect })
    }

    /// Groups counted so far.
    pub fn groups(&self) -> u32 {
        self.groups
    }

    /// Capital now; starts at 1.
    pub fn capital(&self) -> f64 {
        self.capital.total()
    }

    /// Highest capital so far; its inverse is an anytime-valid p-value.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// Mean difference of the groups counted so far (candidate − incumbent); 0 before the first.
    pub fn mean(&self) -> f64 {
        if self.groups == 0 { 0.0 } else { self.sum / f64::from(self.groups) }
    }
}
