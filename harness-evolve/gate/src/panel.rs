//! The protected panel: groups that used to pass, and the test that blocks an improvement which breaks them. Refuses to
//! choose and to judge on the same outcomes (the best of a noisy lot look worse the second time, whoever runs them).

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::plan::{DuelPlan, PlannedGroup, Terms};
use crate::process::{Claim, Stopping, Verdict};
use crate::unit::{Alpha, Unit};

/// Groups a panel needs before it may block.
pub const PANEL_GROUPS: u32 = 20;

/// Default margin of non-inferiority: 10 points.
pub const MARGIN: Unit = Unit::points(10);

/// Past scores of the incumbent on one group: one per task and seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastGroup {
    /// The group and its tasks.
    pub planned: PlannedGroup,
    /// Every score there is of it.
    pub scores: Vec<Unit>,
}

/// The groups that passed reliably: every score at least `pass`, at least `times` of them. Judge them on outcomes that
/// are not among those given here (other seeds, or a fold opened later).
pub fn choose_panel(past: &[PastGroup], pass: Unit, times: usize) -> Vec<PlannedGroup> {
    let reliable = |group: &&PastGroup| group.scores.len() >= times && group.scores.iter().all(|&score| score >= pass);
    past.iter().filter(reliable).map(|group| group.planned.clone()).collect()
}

/// The plan of the panel's test for an improvement: the claim is harm, at the panel's own `alpha` (a false block ships
/// nothing, so it is no part of the error budget), from [`PANEL_GROUPS`] on, without giving up early. `beyond` is the
/// harm tolerated, 0 for none. Mind that a group which always passed can only tie or lose: at α = 0.05 and `beyond` 0
/// seven whole groups lost and none won block, however many ties lie between.
pub fn harm_plan(terms: Terms, alpha: Alpha, beyond: Unit, panel: Vec<PlannedGroup>) -> DuelPlan {
    let stopping = Stopping { min_groups: PANEL_GROUPS, futility: None };
    DuelPlan::draw(Terms { claim: Claim::Harm { beyond }, alpha, stopping, ..terms }, panel)
}

/// The plan of a test that must *prove* that nothing is lost beyond `margin`: for edits that promise lower cost, and
/// for pruning. It gives up when a loss, however small, is likely (β of the terms' futility, δ = 0).
pub fn non_inferiority_plan(terms: Terms, margin: Unit, groups: Vec<PlannedGroup>) -> DuelPlan {
    let mut stopping = terms.stopping;
    if let Some(futility) = &mut stopping.futility {
        futility.delta = Unit::ZERO;
    }
    DuelPlan::draw(Terms { claim: Claim::NonInferior { margin }, stopping, ..terms }, groups)
}

/// What the panel says of an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// Harm is proven: the candidate may not ship.
    Blocks,
    /// Harm is not proven.
    Clear,
    /// Fewer groups than a panel needs: it had no say.
    TooSmall,
}

/// The panel's ruling from the certificate of its test; `None` if that was not a test of harm.
pub fn ruling(certificate: &Certificate) -> Option<Ruling> {
    if !matches!(certificate.plan.terms.claim, Claim::Harm { .. }) {
        return None;
    }
    Some(match certificate.verdict {
        Verdict::Accept => Ruling::Blocks,
        Verdict::Reject | Verdict::Insufficient if certificate.plan.order.len() < PANEL_GROUPS as usize => {
            Ruling::TooSmall
        }
        Verdict::Reject | Verdict::Insufficient => Ruling::Clear,
    })
}
