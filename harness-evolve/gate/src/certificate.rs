//! The proof that goes with a verdict: the plan, every outcome that was counted, and the answer.

use serde::{Deserialize, Serialize};

use crate::outcome::Pair;
use crate::plan::DuelPlan;
use crate::process::{Process, Reason, Verdict};

/// Why a duel is called off from outside. It never proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOff {
    /// The run's budget ended.
    Budget,
    /// Another candidate shipped; this one begins again in a new duel.
    Rebased,
}

impl From<CallOff> for Reason {
    fn from(call: CallOff) -> Self {
        match call {
            CallOff::Budget => Self::Budget,
            CallOff::Rebased => Self::Rebased,
        }
    }
}

/// The outcome of one group as it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupOutcome {
    /// Group id.
    pub group: String,
    /// How often it was tried; above 1 after infrastructure faults.
    pub attempts: u32,
    /// Every pair, sorted by task and seed.
    pub pairs: Vec<Pair>,
}

/// Version of the certificate's form and of the rules it is checked by.
pub const CERTIFICATE_VERSION: u32 = 2;

/// Everything needed to reach the verdict again. What a stage may learn of it is [`Verdict`]` == Accept`, one bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// [`CERTIFICATE_VERSION`] of its writer.
    pub version: u32,
    /// Terms and drawn order.
    pub plan: DuelPlan,
    /// Digest of the drawn order.
    pub order_digest: String,
    /// Every counted group, in drawn order; last of them, if the infrastructure gave out, the group that was lost to it.
    pub counted: Vec<GroupOutcome>,
    /// Set when the test was ended from outside.
    pub called_off: Option<CallOff>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Groups whose difference was counted: the n of the claim.
    pub groups: u32,
    /// Tasks in them.
    pub tasks: u32,
    /// Capital at the end (a report's number; the check recomputes it).
    pub capital: f64,
    /// Highest capital; its inverse is an anytime-valid p-value.
    pub peak_capital: f64,
    /// Mean paired difference over the counted groups, in what the claim is about. Biased by stopping: not an estimate
    /// to quote without its interval.
    pub mean_difference: f64,
}

impl Certificate {
    pub(crate) fn new(
        plan: DuelPlan,
        counted: Vec<GroupOutcome>,
        called_off: Option<CallOff>,
        reason: Reason,
        process: &Process,
    ) -> Self {
        let groups = process.groups();
        let tasks = plan.order.iter().take(groups as usize).map(|planned| planned.tasks.len() as u32).sum();
        Self {
            version: CERTIFICATE_VERSION,
            order_digest: plan.order_digest(),
            plan,
            groups,
            tasks,
            counted,
            called_off,
            verdict: reason.verdict(),
            reason,
            capital: process.capital(),
            peak_capital: process.peak(),
            mean_difference: process.mean(),
        }
    }
}
