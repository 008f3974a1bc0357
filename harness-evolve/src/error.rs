//! What can go wrong in the optimizer. Refuses to stand for an outcome of a harness: those are data.

use evolve_gate::{PlanError, RecordError, UnitError};
use harness_trace::TraceError;

/// Why an evolution cannot go on. What is in the ledger stays; the same command continues it.
#[derive(Debug, thiserror::Error)]
pub enum EvolveError {
    /// The ledger of this run was written by another configuration, seed, suite, catalogue or initial harness.
    #[error(
        "run `{run}` was decided otherwise before: fact {fact} of its ledger says {recorded}, now it would be {now}; \
         start with the settings it was started with, or under another run id"
    )]
    Diverged {
        /// The run.
        run: String,
        /// Number of the fact, from 0.
        fact: usize,
        /// What is recorded, shortened.
        recorded: String,
        /// What would be decided now, shortened.
        now: String,
    },
    /// The initial harness cannot be brought up.
    #[error("the harness to start from is not admitted: {0}")]
    Initial(String),
    /// An arm of the report cannot be brought up.
    #[error("the arm `{0}` is not admitted: {1}; leave it out or mend its harness")]
    Arm(String, String),
    /// The evaluator failed.
    #[error("the evaluator failed: {0}; nothing decided so far is lost, the same command continues")]
    Evaluator(String),
    /// The evaluator gave back something other than what was asked for.
    #[error(
        "the evaluator played {got} rollouts of the {asked} asked for, or others; its results must stand in their order"
    )]
    Mismatch {
        /// Rollouts asked for.
        asked: usize,
        /// Results that came back.
        got: usize,
    },
    /// The run was judged by the rules there were before the one stream of gate groups.
    #[error(
        "the run was judged on folds of the gate split, as earlier versions did; check it with the version that made it"
    )]
    Folds,
    /// Nothing of such a run is in the ledger.
    #[error("the record holds no decisions of this run; `harness evolve` prints a run's id")]
    NoRun,
    /// A stage was told to stop while it waited for its model.
    #[error("stopped")]
    Stopped,
    /// The suite leaves a split empty.
    #[error("the suite has no {what} groups; evolution needs some: change its shares or give it more data")]
    NoGroups {
        /// Which.
        what: &'static str,
    },
    /// The ledger could not be read or written.
    #[error("the record cannot be read or written: {0}; nothing decided so far is lost, the same command continues")]
    Ledger(#[from] TraceError),
    /// A fact could not be written as JSON, or read.
    #[error("a fact of the ledger is not readable as JSON")]
    Json(#[from] serde_json::Error),
    /// A number of the configuration is out of range.
    #[error(transparent)]
    Number(#[from] UnitError),
    /// A test could not be planned.
    #[error("a test cannot be planned")]
    Plan(#[from] PlanError),
    /// The judge refused an outcome.
    #[error("the judge refused an outcome")]
    Record(#[from] RecordError),
}
