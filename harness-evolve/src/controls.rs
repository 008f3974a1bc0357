//! After the last round: every arm of the report on the same tasks with the same seeds, sealed ones first. Refuses to feed
//! anything back: no stage runs after this.

use std::collections::BTreeMap;

use evolve_gate::draw_order;
use harness_spec::VariantId;
use harness_trace::{Rollout, Split};
use serde::{Deserialize, Serialize};

use crate::arms::{Arm, ArmKind, Extent, Measured, Score, digest_of};
use crate::best_of::BestOf;
use crate::config::EvolveConfig;
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, JudgedOutcome};
use crate::events::{Clock, Observer, Phase};
use crate::ledger::Ledger;
use crate::session::{Halt, Meter, RunLimits, Session, Stop};

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
pub const MEASURE: &str = "evolve.measure";

/// What is measured next: arms, and the rollouts of each as `TASK SEED`.
#[derive(Serialize, Deserialize)]
pub(crate) struct BegunMeasure {
    pub split: Split,
    pub arms: Vec<(String, VariantId)>,
    pub groups: Vec<String>,
}

/// What an arm scored on a split.
#[derive(Serialize, Deserialize)]
pub(crate) struct ScoredArm {
    pub split: Split,
    pub arm: String,
    pub episodes: usize,
    pub passed: usize,
    pub outcomes: String,
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
    let limits =
        RunLimits { micros: max_seconds.map(|seconds| seconds.saturating_mul(1_000_000)), ..RunLimits::default() };
    let mut session = Session::open(evaluator, ledger, config, MEASURE, limits, clock, observer)?;
    let mut measured = Vec::new();
    for arm in arms {
        for harness in arm.pool.variants.values() {
            evaluator.admits(harness).map_err(|why| EvolveError::Arm(arm.name.clone(), why.to_string()))?;
        }
        measured.push(Measured {
            name: arm.name.clone(),
            kind: arm.kind,
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
        let wanted = |arm: &Arm| arm.splits.contains(&split) && (arm.kind == ArmKind::Naive) == late;
        let of_split: Vec<usize> = (0..arms.len()).filter(|&k| wanted(&arms[k])).collect();
        if rollouts.is_empty() || of_split.is_empty() {
            continue;
        }
        let begun = of_split.iter().map(|&k| (arms[k].name.clone(), measured[k].variant)).collect();
        let groups = rollouts.iter().map(|rollout| format!("{} {}", rollout.task, rollout.seed)).collect();
        session.decide("begun", &BegunMeasure { split, arms: begun, groups })?;
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
                    outcome: one.judged(),
                    task: one.rollout.task,
                    group: one.group,
                    seed: one.rollout.seed,
                    parts: one.parts,
                    episode: one.episode,
                })
                .collect();
            session.decide(
                "scored",
                &ScoredArm {
                    split,
                    arm: arm.name.clone(),
                    episodes: scores.len(),
                    passed: scores.iter().filter(|score| crate::passed(score.outcome)).count(),
                    outcomes: digest_of(&scores)?,
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
        Split::Gate => (all.gate.clone(), extent.gate),
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
