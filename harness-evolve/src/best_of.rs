//! Best-of-k: what the initial harness reaches with as many tries as the final harness's tokens pay for. The oracle pick is
//! right if any try is: what no picker can beat. The majority pick is the try whose final state most tries share. Refuses
//! to be told how a try scored before it picks by majority.

use std::collections::BTreeMap;

use evolve_gate::{Outcome, Unit};
use harness_trace::{EpisodeResult, Rollout, Split};
use serde::{Deserialize, Serialize};

use crate::arms::{ArmKind, Measured, Score};
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, EvaluatorError, JudgedOutcome};
use crate::events::Phase;
use crate::ledger::Ledger;
use crate::session::{Halt, Session};

/// Temperature of the tries, where the initial harness has a lower one.
pub const TEMPERATURE: f64 = 0.7;
/// More tries than this are not played; the report says what they would have been.
const MOST: u64 = 16;
/// Seeds of the tries: none that anything else plays.
const SEEDS: u64 = 1 << 33;

/// The initial harness with k tries a task, on sealed tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestOf {
    /// Tries: tokens per task of the final harness over those of the initial one, rounded up.
    pub k: u64,
    /// Tries that were played: `k`, or the most there are.
    pub played: u64,
    /// At which temperature.
    pub temperature: f64,
    /// Tokens per task of the initial and of the final harness.
    pub tokens: (f64, f64),
    /// A task's score is its best try's.
    pub oracle: Vec<Score>,
    /// A task's score is that of the final state most of its tries share; of equal ones the earliest.
    pub majority: Vec<Score>,
}

fn per_task(arm: &Measured) -> Option<f64> {
    let episodes: usize = arm.scores.values().map(Vec::len).sum();
    (episodes > 0).then(|| arm.meter.tokens() as f64 / episodes as f64)
}

impl<A: Evaluator, L: Ledger> Session<'_, A, L> {
    /// Plays the tries on the sealed tasks of `arms`. `None` without sealed scores of both arms, or where the final harness
    /// uses no more tokens than the initial one: then one try is all there is, and that is its row.
    pub(crate) async fn best_of(&mut self, arms: &[Measured]) -> Result<Option<BestOf>, Halt> {
        let find = |kind: ArmKind| arms.iter().find(|arm| arm.kind == kind);
        let Some((initial, last)) = find(ArmKind::Initial).zip(find(ArmKind::Final)) else { return Ok(None) };
        let Some(tokens) = per_task(initial).zip(per_task(last)).filter(|(initial, _)| *initial > 0.0) else {
            return Ok(None);
        };
        let Some(sealed) = initial.scores.get(&Split::Sealed) else { return Ok(None) };
        let k = (tokens.1 / tokens.0).ceil() as u64;
        if k < 2 {
            return Ok(None);
        }
        let mut pool = initial.pool.clone();
        for harness in pool.variants.values_mut() {
            harness.sampling.temperature = harness.sampling.temperature.max(TEMPERATURE);
        }
        let temperature =
            pool.variants.values().map(|harness| harness.sampling.temperature).fold(TEMPERATURE, f64::max);
        let played = k.min(MOST);
        let mut tasks: Vec<String> = sealed.iter().map(|score| score.task.clone()).collect();
        tasks.dedup();
        let seeds = |task: &String| {
            let seed = self.config.seed.wrapping_add(SEEDS);
            (0..played).map(|k| Rollout { task: task.clone(), seed: seed.wrapping_add(k) }).collect::<Vec<_>>()
        };
        let rollouts: Vec<Rollout> = tasks.iter().flat_map(seeds).collect();
        let tries = self.insist_pool(&pool, Split::Sealed, Phase::Report, &rollouts).await?;
        let (mut oracle, mut majority) = (Vec::new(), Vec::new());
        for of_task in tries.chunks(played as usize) {
            let answers = of_task.iter().map(|one| self.evaluator.answer(one)).collect::<Result<Vec<_>, _>>();
            let answers = answers.map_err(|error| match error {
                EvaluatorError::Stopped => Halt::Interrupted,
                EvaluatorError::Failed(why) => Halt::Failed(EvolveError::Evaluator(why)),
            })?;
            oracle.extend(best(of_task).map(score));
            majority.extend(most_frequent(of_task, &answers).map(score));
        }
        Ok(Some(BestOf { k, played, temperature, tokens, oracle, majority }))
    }
}

fn value(played: &EpisodeResult) -> Unit {
    played.judged().score().unwrap_or(Unit::ZERO)
}

fn best(tries: &[EpisodeResult]) -> Option<&EpisodeResult> {
    // Of equal ones the earliest.
    tries.iter().rev().max_by_key(|one| value(one))
}

fn most_frequent<'a>(tries: &'a [EpisodeResult], answers: &[String]) -> Option<&'a EpisodeResult> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    answers.iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
    let place = (0..answers.len()).rev().max_by_key(|&place| counts.get(answers[place].as_str()))?;
    tries.get(place)
}

/// The picked try as the task's score. What the infrastructure lost is lost.
fn score(one: &EpisodeResult) -> Score {
    let outcome = match one.judged() {
        Outcome::Infrastructure => Outcome::Infrastructure,
        _ => Outcome::Scored(value(one)),
    };
    Score {
        task: one.rollout.task.clone(),
        group: one.group.clone(),
        seed: 0,
        outcome,
        parts: Vec::new(),
        episode: String::new(),
    }
}
