//! A run as far as its decisions were read, and what was found of them.

use std::collections::BTreeMap;

use evolve_gate::{ErrorBudget, GateStream, PlannedGroup, Verdict};
use harness_spec::{Pool, VariantId};
use harness_trace::EpisodeResult;
use serde::Serialize;

use crate::config::EvolveConfig;
use crate::judge::{Judged, Opened, Test};

/// What the record holds of rollouts.
pub trait Recorded {
    /// The rollout of a harness on a task with a seed, if it was played and its outcome counts.
    fn played(&self, harness: &str, task: &str, seed: u64) -> Option<EpisodeResult>;

    /// What its calls took, in microseconds.
    ///
    /// # Errors
    /// A message, when the record cannot say.
    fn latency(&self, played: &EpisodeResult) -> Result<u64, String>;
}

/// One certificate, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The round.
    pub round: u32,
    /// The candidate, or `incumbent` for the drift test.
    pub candidate: String,
    /// What was tested.
    pub test: Test,
    /// What the certificate says.
    pub verdict: Verdict,
    /// Groups it counted.
    pub groups: u32,
    /// Recorded episodes its pairs were held against.
    pub episodes: usize,
    /// What does not hold; empty: confirmed.
    pub differs: Vec<String>,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Every certificate, in order.
    pub certificates: Vec<Checked>,
    /// What does not hold of the run as a whole: levels, groups, ships.
    pub differs: Vec<String>,
    /// Whether the run ended; a run that goes on can be checked as far as it is.
    pub ended: bool,
}

impl Verification {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.differs.is_empty() && self.certificates.iter().all(|checked| checked.differs.is_empty())
    }
}

/// A cohort as far as the run was read.
pub(super) struct Cohort {
    pub purse: ErrorBudget,
    pub gate: GateStream,
    pub round: u32,
}

/// What the run has come to, and under which id it is tested.
#[derive(Clone)]
pub(super) struct Standing {
    pub pool: Pool,
    pub id: String,
    pub variants: BTreeMap<String, VariantId>,
}

/// The run as far as it was read.
pub(super) struct Check<'a, R> {
    pub config: EvolveConfig,
    pub recorded: &'a R,
    pub cohorts: Vec<Cohort>,
    pub planned: BTreeMap<String, PlannedGroup>,
    pub anchor: Standing,
    pub now: Standing,
    pub passed_drift: Standing,
    pub drift_tests: u32,
    /// Whether routes were fitted after the last round.
    pub routed: bool,
    /// Candidates met so far: what each gives.
    pub proposed: BTreeMap<String, VariantId>,
    /// Tests opened and not yet answered.
    pub opened: Vec<Opened>,
    /// The last judged candidate and its scope, while it waits for its ship.
    pub proven: Option<(Judged, Vec<usize>)>,
    pub found: Verification,
}
