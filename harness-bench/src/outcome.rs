//! What the judge is told of an episode.

use evolve_gate::{Outcome, Unit};
use harness_trace::{EpisodeEnd, Outcome as Ending};

/// Translates how an episode ended into an outcome. A judgement counts wherever there is one: a harness that ran out of
/// steps after reaching the goal has reached it.
pub fn outcome(end: &EpisodeEnd) -> Outcome {
    let score = end.judgement.as_ref().map_or(0.0, |judgement| judgement.reward);
    match end.outcome {
        Ending::Infrastructure | Ending::Cancelled => Outcome::Infrastructure,
        Ending::Fault => Outcome::Fault,
        Ending::Budget if score == 0.0 => Outcome::BudgetSpent,
        Ending::Done | Ending::Interrupted | Ending::Budget => Outcome::Scored(Unit::from_f64_clamped(score)),
    }
}
