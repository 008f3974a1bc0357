//! A rollout with its score: one row of a result.

use evolve_gate::{Outcome, Unit};
use harness_abi::Usage;
use harness_trace::{EpisodeEnd, EpisodeRow, EpisodeStart, Outcome as Ending};
use serde::Serialize;

/// A rollout with its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scored {
    /// The task.
    pub task: String,
    /// The task's group.
    pub group: String,
    /// The episode's seed.
    pub seed: u64,
    /// The episode in the record.
    pub episode: String,
    /// What the judge is told.
    pub outcome: Outcome,
    /// The grader's reward in `[0, 1]`; 0 where it did not speak.
    pub reward: f64,
    /// Named components of the reward.
    pub parts: Vec<(String, f64)>,
    /// How it ended, for a person.
    pub reason: String,
    /// Steps taken.
    pub steps: u64,
    /// Tokens and money, as if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what replayed calls account for.
    pub replayed: Usage,
    /// What marking used; not part of `usage`.
    pub marking: Usage,
    /// Wall clock in microseconds.
    pub micros: u64,
    /// Whether the record held it already.
    pub remembered: bool,
}

impl Scored {
    /// A finished episode as the record gives it back.
    pub fn remembered(row: &EpisodeRow) -> Self {
        Self { remembered: true, ..Self::of(row) }
    }

    /// What a recorded episode means.
    pub fn of(row: &EpisodeRow) -> Self {
        let grade = row.grade.as_ref();
        Self {
            task: row.start.task.clone(),
            group: row.start.group.clone(),
            seed: row.start.seed,
            episode: row.start.episode.clone(),
            outcome: outcome(row),
            reward: row.reward().unwrap_or(0.0),
            parts: grade.map(|grade| grade.parts.clone()).unwrap_or_default(),
            reason: row.reason.clone(),
            steps: row.steps,
            usage: row.usage,
            replayed: row.replayed,
            marking: grade.map(|grade| grade.usage).unwrap_or_default(),
            micros: row.micros,
            remembered: false,
        }
    }

    /// An episode that just ended, as the record will give it back.
    pub(crate) fn row(start: EpisodeStart, end: EpisodeEnd) -> EpisodeRow {
        EpisodeRow {
            num: 0,
            start,
            outcome: Some(end.outcome),
            reason: end.reason,
            steps: end.steps,
            usage: end.usage,
            replayed: end.replayed,
            micros: end.micros,
            grade: end.grade,
        }
    }
}

/// What the judge is told. A grade counts wherever there is one: a harness that ran out of steps after reaching the
/// goal has reached it.
fn outcome(row: &EpisodeRow) -> Outcome {
    let score = row.reward().unwrap_or(0.0).clamp(0.0, 1.0);
    match row.outcome {
        Some(Ending::Fault) => Outcome::Fault,
        Some(Ending::Budget) if score == 0.0 => Outcome::BudgetSpent,
        Some(Ending::Done | Ending::Interrupted | Ending::Budget) => {
            // Only a NaN is refused here, and a grader that says NaN has not graded.
            Unit::new(score).map_or(Outcome::Infrastructure, Outcome::Scored)
        }
        Some(Ending::Infrastructure | Ending::Cancelled) | None => Outcome::Infrastructure,
    }
}
