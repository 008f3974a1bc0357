//! What an evolution does, in words.

use harness::app::evolve::Phase;

/// What rollouts are played for.
pub fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Explore => "the harness of the day on explore tasks",
        Phase::Screen => "screening candidates",
        Phase::Duel => "before the judge",
        Phase::Panel => "protected panel",
        Phase::FinalChecks => "what each edit is worth",
        Phase::Drift => "testing for drift",
        Phase::Report => "measuring arms",
    }
}
