//! What came of an episode: one type from the engine to the report.

use harness_abi::Usage;
use serde::{Deserialize, Serialize};

use crate::{EpisodeEnd, EpisodeRow, EpisodeStart, Outcome};

/// One episode to play: a task with a seed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rollout {
    /// The task.
    pub task: String,
    /// The episode's seed.
    pub seed: u64,
}

/// What came of an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeResult {
    /// What was played.
    pub rollout: Rollout,
    /// The task's group.
    pub group: String,
    /// The episode in the record.
    pub episode: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for a person.
    #[serde(default)]
    pub reason: String,
    /// The grader's reward; `None` where it was not graded.
    pub reward: Option<f64>,
    /// Named components of the reward.
    pub parts: Vec<(String, f64)>,
    /// Steps taken.
    pub steps: u64,
    /// Tokens and money, as if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what replayed calls account for.
    pub replayed: Usage,
    /// What marking used, where a model marks; not part of `usage`, which is the harness's.
    #[serde(default)]
    pub marking: Usage,
    /// Wall clock in microseconds.
    pub micros: u64,
    /// Whether it was found in the record instead of being played now.
    pub remembered: bool,
}

impl EpisodeResult {
    /// Of an episode that just ended.
    pub fn new(start: &EpisodeStart, end: EpisodeEnd) -> Self {
        let grade = end.grade;
        Self {
            rollout: Rollout { task: start.task.clone(), seed: start.seed },
            group: start.group.clone(),
            episode: start.episode.clone(),
            outcome: end.outcome,
            reason: end.reason,
            reward: grade.as_ref().map(|grade| grade.reward),
            marking: grade.as_ref().map(|grade| grade.usage).unwrap_or_default(),
            parts: grade.map(|grade| grade.parts).unwrap_or_default(),
            steps: end.steps,
            usage: end.usage,
            replayed: end.replayed,
            micros: end.micros,
            remembered: false,
        }
    }

    /// Of an episode as the record gives it back. One that has not ended says nothing of a harness: infrastructure ended it.
    pub fn recorded(row: &EpisodeRow) -> Self {
        let end = EpisodeEnd {
            outcome: row.outcome.unwrap_or(Outcome::Infrastructure),
            reason: row.reason.clone(),
            steps: row.steps,
            usage: row.usage,
            replayed: row.replayed,
            micros: row.micros,
            state: serde_json::Value::Null,
            grade: row.grade.clone(),
        };
        Self { remembered: true, ..Self::new(&row.start, end) }
    }

    /// Whether it says something of the harness. Infrastructure ended it, it was cancelled, or the grader answered with no
    /// number: then it does not, and is to be repeated.
    pub fn is_measured(&self) -> bool {
        self.outcome.counts() && !self.reward.is_some_and(f64::is_nan)
    }

    /// The reward as a number: 0 where it was not graded.
    pub fn score(&self) -> f64 {
        self.reward.unwrap_or(0.0)
    }
}
