//! What a report compares: harnesses under a name, and what they scored.

use std::collections::BTreeMap;

use evolve_gate::Outcome;
use harness_spec::{Pool, VariantId};
use harness_trace::Split;
use serde::{Deserialize, Serialize};

use crate::session::Meter;

/// What an arm stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmKind {
    /// The competent harness the run began with.
    Initial,
    /// What the run came to.
    Final,
    /// What a second run came to that had no pack written for the suite.
    Generic,
    /// A free-form harness.
    Naive,
    /// The final harness choosing uniformly.
    Random,
    /// Rules without a model.
    NoModel,
    /// Does nothing.
    Noop,
    /// The best the same evolver finds with one harness for all.
    Single,
    /// One variant of the final pool, for all tasks.
    Variant,
    /// Anything else worth a line.
    Other,
}

/// A harness to be measured, or a pool of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Its name in the report.
    pub name: String,
    /// What it stands for.
    pub kind: ArmKind,
    /// The harness.
    pub pool: Pool,
    /// The splits it is measured on.
    pub splits: Vec<Split>,
}

/// Most groups of each split that are measured, drawn by the seed; 0: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extent {
    /// Of explore.
    pub explore: usize,
    /// Of gate.
    pub gate: usize,
    /// Of sealed.
    pub sealed: usize,
}

/// One episode of an arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The task.
    pub task: String,
    /// Its group.
    pub group: String,
    /// The seed.
    pub seed: u64,
    /// How it ended; what is lost to the infrastructure is left out of every pair it belongs to, and counted.
    pub outcome: Outcome,
    /// Named components of the reward.
    pub parts: Vec<(String, f64)>,
    /// The episode in the record; empty where several tries are one score.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub episode: String,
}

/// A digest of what scores say, whichever episodes they were: an episode that is played again after a stop has another id.
pub(crate) fn digest_of<'a>(scores: impl IntoIterator<Item = &'a Score>) -> Result<String, serde_json::Error> {
    let said: Vec<_> =
        scores.into_iter().map(|one| (&one.task, &one.group, one.seed, &one.outcome, &one.parts)).collect();
    Ok(blake3::hash(serde_json::to_string(&said)?.as_bytes()).to_hex().to_string())
}

/// An arm with what it scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub kind: ArmKind,
    /// Its id.
    pub variant: VariantId,
    /// Its harness.
    pub pool: Pool,
    /// Scores by split; a split is absent that was not measured to its end.
    pub scores: BTreeMap<Split, Vec<Score>>,
    /// What it cost.
    pub meter: Meter,
}
