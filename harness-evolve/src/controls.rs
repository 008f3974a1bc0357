//! After the last round: every arm of the report on the same tasks with the same seeds, sealed ones first. Refuses to feed
//! anything back: no stage runs after this.

use std::collections::BTreeMap;

use evolve_gate::{Outcome, Split, draw_order};
use harness_spec::{Pool, VariantId};
use serde::{Deserialize, Serialize};

use crate::best_of::BestOf;
use crate::config::EvolveConfig;
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, Rollout};
use crate::events::{Clock, Observer, Phase};
use crate::ledger::Ledger;
use crate::session::{Halt, Limits, Meter, Session, Stop};

/// What an arm stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
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
    pub role: Role,
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
    /// Of all gate folds together.
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
}

/// An arm with what it scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub role: Role,
    /// Its id.
    pub variant: VariantId,
    /// Its harness.
    pub pool: Pool,
    /// Scores by split; a split is absent that was not measured to its end.
    pub scores: BTreeMap<Split, Vec<Score>>,
    /// What it cost.
    pub meter: Meter,
}

/// Every arm, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The arms as they were given.
    pub arms: Vec<Measured>,
    /// The initial harness with more tries, where the final one takes more tokens.
    pub best_of: Option<BestOf>,
    /// Why it ended early, if it did: then some arms lack some splits.
    pub cut_short: Option<Stop>,
    /// Rollouts, tokens and time.
    pub meter: Meter,
}

/// Kind of the facts of a measurement.
const MEASURE: &str = "evolve.measure";

#[derive(Serialize)]
struct Begun<'a> {
    split: Split,
    arms: Vec<(&'a str, VariantId)>,
    groups: Vec<String>,
}

#[derive(Serialize)]
struct Scored<'a> {
    split: Split,
    arm: &'a str,
    episodes: usize,
    passed: usize,
    outcomes: String,
}

/// Measures the arms. `max_seconds` bounds it; what it does not reach is not measured, and the result says so.
///
/// # Errors
/// The evaluator or the ledger failed, an arm is not admitted, or the ledger holds another measurement.
#[expect(clippy::too_many_arguments, reason = "each is a thing of its own, and given once")]
pub async fn measure<A: Evaluator, L: Ledger>(
    evaluator: &A,
    ledger: &L,
    config: &EvolveConfig,
    arms: &[Arm],
    extent: Extent,
    max_seconds: Option<u64>,
    clock: &dyn Clock,
    observer: &dyn Observer,
) -> Result<Measurement, EvolveError> {
    let limits = Limits { micros: max_seconds.map(|seconds| seconds.saturating_mul(1_000_000)), ..Limits::default() };
    let mut session = Session::open(evaluator, ledger, config, MEASURE, limits, clock, observer)?;
    let mut measured = Vec::new();
    for arm in arms {
        for harness in arm.pool.variants.values() {
            evaluator.admits(harness).map_err(|why| EvolveError::Arm(arm.name.clone(), why.to_string()))?;
        }
        measured.push(Measured {
            name: arm.name.clone(),
            role: arm.role,
            variant: arm.pool.id(evaluator.catalogue()),
            pool: arm.pool.clone(),
            scores: BTreeMap::new(),
            meter: Meter::default(),
        });
    }
    let mut cut_short = None;
    // The naive arm costs most and says least: it comes when all others are done.
    let splits = [Split::Sealed, Split::Gate, Split::Explore];
    'splits: for (late, split) in [false, true].into_iter().flat_map(|late| splits.map(|split| (late, split))) {
        let rollouts = rollouts(evaluator, config, split, extent);
        let wanted = |arm: &Arm| arm.splits.contains(&split) && (arm.role == Role::Naive) == late;
        let of_split: Vec<usize> = (0..arms.len()).filter(|&k| wanted(&arms[k])).collect();
        if rollouts.is_empty() || of_split.is_empty() {
            continue;
        }
        let begun = of_split.iter().map(|&k| (arms[k].name.as_str(), measured[k].variant)).collect();
        let groups = rollouts.iter().map(|rollout| format!("{} {}", rollout.task, rollout.seed)).collect();
        session.decide("begun", &Begun { split, arms: begun, groups })?;
        for k in of_split {
            let before = session.meter;
            let arm = &arms[k];
            let played = match session.insist_pool(&arm.pool, split, Phase::Report, &rollouts).await {
                Ok(played) => played,
                Err(Halt::Failed(error)) => return Err(error),
                Err(Halt::Spent(stop) | Halt::Paused(stop)) => {
                    cut_short = Some(stop);
                    break 'splits;
                }
                Err(Halt::Interrupted) => {
                    cut_short = Some(Stop::Interrupted);
                    break 'splits;
                }
            };
            let scores: Vec<Score> = played
                .into_iter()
                .map(|one| Score {
                    task: one.rollout.task,
                    group: one.group,
                    seed: one.rollout.seed,
                    outcome: one.outcome,
                    parts: one.parts,
                })
                .collect();
            let outcomes = serde_json::to_string(&scores)?;
            session.decide(
                "scored",
                &Scored {
                    split,
                    arm: &arm.name,
                    episodes: scores.len(),
                    passed: scores.iter().filter(|score| crate::passed(score.outcome)).count(),
                    outcomes: blake3::hash(outcomes.as_bytes()).to_hex().to_string(),
                },
            )?;
            measured[k].meter = measured[k].meter.plus(session.meter.since(before));
            measured[k].scores.insert(split, scores);
        }
    }
    let mut best_of = None;
    if cut_short.is_none() {
        match session.best_of(&measured).await {
            Ok(found) => best_of = found,
            Err(Halt::Failed(error)) => return Err(error),
            Err(Halt::Spent(stop) | Halt::Paused(stop)) => cut_short = Some(stop),
            Err(Halt::Interrupted) => cut_short = Some(Stop::Interrupted),
        }
    }
    Ok(Measurement { arms: measured, best_of, cut_short, meter: session.meter })
}

/// The rollouts of a split, group by group in drawn order.
fn rollouts<A: Evaluator>(evaluator: &A, config: &EvolveConfig, split: Split, extent: Extent) -> Vec<Rollout> {
    let all = evaluator.split();
    let (groups, most) = match split {
        Split::Explore => (all.explore.clone(), extent.explore),
        Split::Gate => (all.folds.concat(), extent.gate),
        Split::Sealed => (all.sealed.clone(), extent.sealed),
    };
    let mut planned = draw_order(config.seed, "measure", evaluator.planned(&groups), |planned| planned.group.as_str());
    if most > 0 {
        planned.truncate(most);
    }
    let tasks = planned.into_iter().flat_map(|planned| planned.tasks);
    let seeds = config.seeds();
    tasks
        .flat_map(|task| seeds.iter().map(move |&seed| Rollout { task: task.clone(), seed }).collect::<Vec<_>>())
        .collect()
}
