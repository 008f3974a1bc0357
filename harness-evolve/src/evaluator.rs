//! Where harnesses are tried: the one thing evolution asks of the benchmark. Implemented over the real runner in the binary,
//! and by simulations in tests.

use std::future::Future;

use evolve_gate::{GroupSplit, Outcome, PlannedGroup, Unit};
use harness_spec::{Catalogue, Features, Harness, VariantId, Version};
use harness_trace::{CallKey, EpisodeResult, ExploreTrace, Outcome as Ending, Rollout, Split};
use serde::{Deserialize, Serialize};

/// What the judge is told of an episode.
pub trait JudgedOutcome {
    /// The outcome that a test counts. A grade counts wherever there is one: a harness that ran out of steps after reaching the goal
    /// has reached it.
    fn judged(&self) -> Outcome;
}

impl JudgedOutcome for EpisodeResult {
    fn judged(&self) -> Outcome {
        let score = self.score().clamp(0.0, 1.0);
        match self.outcome {
            Ending::Fault => Outcome::Fault,
            Ending::Budget if score == 0.0 => Outcome::BudgetSpent,
            Ending::Done | Ending::Interrupted | Ending::Budget => {
                // Only what is no number is refused here, and a grader that says so has not graded.
                Unit::new(score).map_or(Outcome::Infrastructure, Outcome::Scored)
            }
            Ending::Infrastructure | Ending::Cancelled => Outcome::Infrastructure,
        }
    }
}

/// Why an evaluator cannot play on.
#[derive(Debug, thiserror::Error)]
pub enum EvaluatorError {
    /// The run was told to stop; what is recorded stays.
    #[error("stopped")]
    Stopped,
    /// Something that is no outcome of a harness failed.
    #[error("{0}")]
    Failed(String),
}

/// A pack that was installed while a run was under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Its name.
    pub pack: String,
    /// Its version.
    pub version: Version,
    /// SHA-256 of its file: a repetition needs the very same.
    pub sha256: String,
}

/// Plays harnesses on tasks.
///
/// An outcome depends on (harness, task, seed) and nothing else; a rollout that the record already holds is not played again.
pub trait Evaluator: Send + Sync {
    /// What is installed.
    fn catalogue(&self) -> &Catalogue;

    /// Looks for packs that were installed since the last look and takes them into the catalogue: from now on they may be
    /// proposed. What is known already stays what it was. In a repetition `known` says what was found at this place, and
    /// that is found again, or it fails.
    ///
    /// # Errors
    ///
    /// What joined the run before is not installed any more.
    fn arrivals(&self, known: Option<&[Arrival]>) -> Result<Vec<Arrival>, EvaluatorError> {
        known.map_or(Ok(Vec::new()), |known| match known.first() {
            None => Ok(Vec::new()),
            Some(arrival) => {
                Err(EvaluatorError::Failed(format!("nothing is ever installed here, and {} was", arrival.pack)))
            }
        })
    }

    /// The suite's name, as in the record.
    fn suite(&self) -> &str;

    /// How the groups were split.
    fn split(&self) -> &GroupSplit;

    /// Groups with the tasks of theirs that are played.
    fn planned(&self, groups: &[String]) -> Vec<PlannedGroup>;

    /// What is known of a task before it is run: what variants are routed by.
    fn features(&self, task: &str) -> Features;

    /// Whether `harness` can be brought up here: installed, well typed, served by its model.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    fn admits(&self, harness: &Harness) -> Result<VariantId, EvaluatorError>;

    /// Plays `rollouts` with `harness`; the results stand in the order of `rollouts`, whatever order they finished in.
    /// `split` is what the tasks are used for: sealed looks are counted.
    fn play(
        &self,
        harness: &Harness,
        split: Split,
        rollouts: Vec<Rollout>,
    ) -> impl Future<Output = Result<Vec<EpisodeResult>, EvaluatorError>> + Send;

    /// What an episode's model and tool calls took in microseconds, replayed ones as long as they took then. A number, not
    /// a trace: the judge may ask it of any split.
    ///
    /// # Errors
    ///
    /// The episode is not in the record, or it cannot be read.
    fn latency(&self, played: &EpisodeResult) -> Result<u64, EvaluatorError>;

    /// What happened in an episode of an *explore* task; any other is refused.
    ///
    /// # Errors
    ///
    /// The episode is not in the record, or it cannot be read.
    fn trace(&self, played: &EpisodeResult) -> Result<ExploreTrace, EvaluatorError>;

    /// Texts of an explore task's answer, to tell whether a module knew it from nowhere. Shown to no stage.
    fn answers(&self, _task: &str) -> Vec<String> {
        Vec::new()
    }

    /// What a model replied in a recorded call: text and calls.
    fn reply(&self, _key: &CallKey) -> Option<String> {
        None
    }

    /// What an episode ended with, as text: equal ends give equal texts. For the report's majority alone; it says nothing
    /// of how the end was scored.
    ///
    /// # Errors
    ///
    /// The episode is not in the record, or it cannot be read.
    fn answer(&self, played: &EpisodeResult) -> Result<String, EvaluatorError>;
}
