//! What a run decides and what it comes to, as data. Refuses behaviour: the cycle has it.

use std::collections::BTreeMap;

use evolve_gate::{Alpha, Certificate, PlannedGroup};
use harness_spec::{Cell, Harness, Pool, VariantId};
use serde::{Deserialize, Serialize};

use crate::approval::Answer;
use crate::attribution::Attribution;
use crate::candidate::Candidate;
use crate::config::EvolveConfig;
use crate::error::EvolveError;
use crate::evaluator::Evaluator;
use crate::history::History;
use crate::judge::Judged;
use crate::landscape::{Landscape, Posterior};
use crate::routing::Routing;
use crate::screen::Screened;
use crate::session::{Meter, Stop};

/// A shipped edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ship {
    /// The round.
    pub round: u32,
    /// The candidate, with its edit and what was claimed.
    pub candidate: Candidate,
    /// The edit for a person.
    pub text: String,
    /// The way back.
    pub inverse: harness_spec::Edit,
    /// The harness it improved.
    pub from: VariantId,
    /// The proof.
    pub certificate: Certificate,
    /// The harness from here on.
    pub harness: Harness,
    /// The variant's name in the pool.
    #[serde(default)]
    pub variant: String,
    /// The tasks it was made a variant for, if it forked: what it was proven on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Cell>,
    /// The variant that went to make room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<String>,
    /// Of the tasks it said it would unlock, how many pass in the next round's explore: (hits, predicted).
    pub unlocked: Option<(usize, usize)>,
}

/// A way back to the last harness that passed the drift test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    /// The inverse of everything shipped since: an edit of each variant that changed, by its name.
    pub edits: BTreeMap<String, harness_spec::Edit>,
    /// What they give, with the variants that came since gone.
    pub pool: Pool,
    /// Its id.
    pub to: VariantId,
    /// The ships it undoes.
    pub undone: Vec<String>,
}

/// One look at whether the incumbent is worse than the harness the run began with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftTest {
    /// The round before which it was taken.
    pub round: u32,
    /// The test of harm.
    pub certificate: Certificate,
    /// What a proven drop led to.
    pub back: Option<Rollback>,
}

/// Where a candidate was refused without a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// It could not be made again for the new incumbent.
    Rebase,
    /// The critic objected.
    Critic,
    /// It failed a check that needs no statistics.
    Check,
    /// A person declined it, after it was proven.
    Person,
}

/// A candidate that was refused without a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// The round.
    pub round: u32,
    /// The candidate.
    pub candidate: String,
    /// Its edit, for a person.
    pub edit: String,
    /// Where.
    pub at: At,
    /// Why, for a person.
    pub reason: String,
}

/// A round in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Its number, from 1.
    pub round: u32,
    /// The tasks it was about.
    #[serde(default)]
    pub cell: Cell,
    /// The harness it began with.
    pub incumbent: VariantId,
    /// What failed on explore.
    pub landscape: Landscape,
    /// Candidates proposed, rebased ones among them.
    pub proposed: usize,
    /// Candidates the critic refused.
    pub refused: usize,
    /// The screen.
    pub screened: Vec<Screened>,
    /// Candidates that met the judge.
    pub judged: usize,
    /// The candidate that shipped.
    pub shipped: Option<String>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evolution {
    /// The settings.
    pub config: EvolveConfig,
    /// The suite.
    pub suite: String,
    /// Where it began.
    pub initial: Harness,
    /// What it came to: the initial harness with every shipped edit; of several variants, the fallback.
    #[serde(rename = "final")]
    pub last: Harness,
    /// All of what it came to: variants and their routes.
    pub pool: Pool,
    /// What the shipped edits are worth, variant by variant; empty if the run did not come so far.
    #[serde(default)]
    pub attributions: Vec<Attribution>,
    /// What routing is worth where it was not fitted; `None` with one variant, or if the run did not come so far.
    #[serde(default)]
    pub routing: Option<Routing>,
    /// Who answered for which candidate, where a person had the last word.
    #[serde(default)]
    pub answers: Vec<(String, Answer)>,
    /// Rounds, the unfinished one included.
    pub rounds: Vec<Round>,
    /// Shipped edits, in order.
    pub ships: Vec<Ship>,
    /// Everything that met the judge, in order.
    pub judged: Vec<Judged>,
    /// The drift test's tests, in order.
    #[serde(default)]
    pub drift_tests: Vec<DriftTest>,
    /// Everything refused without a test.
    pub refused: Vec<Refused>,
    /// Why it ended.
    pub ended: Stop,
    /// Error level granted to tests so far.
    pub alpha_spent: Alpha,
    /// What was seen of modules, here and in earlier runs.
    pub posterior: Posterior,
    /// What was tried, and how predictions came true.
    pub history: History,
    /// Rollouts, tokens and time of the run.
    pub meter: Meter,
}

/// How a run began: what a certificate is held to.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    pub config: EvolveConfig,
    pub suite: String,
    pub initial: Harness,
    /// Its id, which is also that of a pool of it alone.
    pub variant: VariantId,
    // As the first version wrote it.
    #[serde(rename = "lanes")]
    pub cohorts: Vec<BegunCohort>,
    pub split: String,
    pub catalogue: String,
}

/// A cohort's error level and its gate groups in drawn order, with every task that is played.
#[derive(Serialize, Deserialize)]
pub(crate) struct BegunCohort {
    pub alpha: Alpha,
    pub gate: Vec<PlannedGroup>,
}

impl BegunCohort {
    pub fn of<A: Evaluator>(alpha: Alpha, gate: &[String], evaluator: &A) -> Self {
        Self { alpha, gate: evaluator.planned(gate) }
    }
}

#[derive(Serialize)]
pub(crate) struct RoundBegun<'a> {
    pub round: u32,
    pub incumbent: VariantId,
    pub cell: &'a Cell,
    pub variant: &'a str,
    pub landscape: &'a Landscape,
}

#[derive(Serialize)]
pub(crate) struct Proposed<'a> {
    pub round: u32,
    pub candidates: &'a [Candidate],
    pub refused: &'a [Refused],
}

#[derive(Serialize)]
pub(crate) struct ScreenDone<'a> {
    pub round: u32,
    pub rows: &'a [Screened],
    /// The best one at other values.
    pub tuned: &'a [Candidate],
    /// Pairs that were tried together.
    pub combined: &'a [Candidate],
    /// Who may meet the judge, best first.
    pub finalists: Vec<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Routed<'a> {
    pub routing: &'a Routing,
    pub pool: &'a Pool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Ended {
    pub ended: Stop,
    pub alpha_spent: Alpha,
    pub last: VariantId,
}

/// BLAKE3 of a value's JSON.
pub(crate) fn fingerprint(value: &impl Serialize) -> Result<String, EvolveError> {
    Ok(blake3::hash(serde_json::to_string(value)?.as_bytes()).to_hex().to_string())
}
