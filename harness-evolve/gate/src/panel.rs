//! The protected panel: groups that used to pass, and the test that blocks an improvement which breaks them. Refuses to
//! choose and to judge on the same outcomes (the best of a noisy lot look worse the second time, whoever runs them).

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::plan::{PlannedGroup, Terms};
use crate::process::{Claim, Process, Reason, Stopping};
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
/// are not among those given here (other seeds, or groups nobody has used).
pub fn choose_panel(past: &[PastGroup], pass: Unit, times: usize) -> Vec<PlannedGroup> {
    let reliable = |group: &&PastGroup| group.scores.len() >= times && group.scores.iter().all(|&score| score >= pass);
    past.iter().filter(reliable).map(|group| group.planned.clone()).collect()
}

/// The terms of the panel's test for an improvement: the claim is harm, at the panel's own `alpha` (a false block ships
/// nothing, so it is no part of the error budget), from [`PANEL_GROUPS`] on, without giving up early. `beyond` is the
/// harm tolerated, 0 for none. Mind that a group which always passed can only tie or lose: at α = 0.05 and `beyond` 0
/// seven whole groups lost and none won block, however many ties lie between.
pub fn harm_terms(terms: Terms, alpha: Alpha, beyond: Unit) -> Terms {
    let stopping = Stopping { min_groups: PANEL_GROUPS, futility: None };
    Terms { claim: Claim::Harm { beyond }, alpha, stopping, ..terms }
}

/// The terms of a test that must *prove* that nothing is lost beyond `margin`: for edits that promise lower cost, and
/// for pruning. It gives up when a loss, however small, is likely (β of the terms' futility, δ = 0). How many groups
/// without any difference prove it: [`clean_groups`].
pub fn non_inferiority_terms(terms: Terms, margin: Unit) -> Terms {
    let mut stopping = terms.stopping;
    if let Some(futility) = &mut stopping.futility {
        futility.delta = Unit::ZERO;
    }
    Terms { claim: Claim::NonInferior { margin }, stopping, ..terms }
}

/// Groups without any difference that prove non-inferiority with `margin` at `alpha`: the n to print beside it. `None`
/// beyond `most`.
pub fn clean_groups(alpha: Alpha, margin: Unit, most: u32) -> Option<u32> {
    let stopping = Stopping { min_groups: 1, futility: None };
    let mut process = Process::new(Claim::NonInferior { margin }, alpha, stopping, most);
    (1..=most).find(|_| process.enter(0.0) == Some(Reason::Proven))
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
    /// The budget or the infrastructure gave out before it could answer: without an answer nothing ships.
    Unanswered,
}

/// The panel's ruling from the certificate of its test; `None` if that was not a test of harm.
pub fn ruling(certificate: &Certificate) -> Option<Ruling> {
    if !matches!(certificate.plan.terms.claim, Claim::Harm { .. }) {
        return None;
    }
    let small = certificate.plan.order.len() < PANEL_GROUPS as usize;
    Some(match certificate.reason {
        Reason::Proven => Ruling::Blocks,
        Reason::Budget | Reason::Infrastructure | Reason::Rebased => Ruling::Unanswered,
        Reason::Futile | Reason::NoEffect | Reason::GroupsExhausted if small => Ruling::TooSmall,
        Reason::Futile | Reason::NoEffect | Reason::GroupsExhausted => Ruling::Clear,
    })
}
