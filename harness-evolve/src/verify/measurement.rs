//! What the report's arms scored, held against the recorded episodes. Refuses to say anything of an arm of several harnesses: which of them
//! played a task is not in these facts.

use std::collections::BTreeMap;

use evolve_gate::Outcome;
use harness_spec::VariantId;
use harness_trace::Split;
use serde::Deserialize;
use serde_json::Value;

use super::state::Recorded;
use crate::arms::{Score, digest_of};
use crate::controls::{BegunMeasure, ScoredArm};
use crate::error::EvolveError;
use crate::evaluator::JudgedOutcome;

/// Checks what was measured after a run: facts of kind [`crate::MEASURE`], in order, as (key, value). Gives what differs, and how many
/// episodes were compared.
///
/// # Errors
/// A fact is not what a measurement of this version writes.
pub fn verify_measurement(
    facts: &[(String, Value)],
    recorded: &impl Recorded,
) -> Result<(Vec<String>, usize), EvolveError> {
    let (mut differs, mut compared) = (Vec::new(), 0);
    let mut begun: BTreeMap<(Split, String), (VariantId, Vec<String>)> = BTreeMap::new();
    for (key, value) in facts {
        match key.split_once(' ').map_or(key.as_str(), |(_, name)| name) {
            "begun" => {
                let BegunMeasure { split, arms, groups } = BegunMeasure::deserialize(value)?;
                begun.extend(arms.into_iter().map(|(name, id)| ((split, name), (id, groups.clone()))));
            }
            "scored" => {
                let scored = ScoredArm::deserialize(value)?;
                let what = format!("{} on {}", scored.arm, scored.split);
                let Some((id, rollouts)) = begun.get(&(scored.split, scored.arm.clone())) else {
                    differs.push(format!("{what}: it was scored and never begun"));
                    continue;
                };
                let Some(scores) = scores(&id.to_string(), rollouts, recorded) else { continue };
                compared += scores.len();
                let passed = scores.iter().filter(|score| crate::passed(score.outcome)).count();
                if (scores.len(), passed, digest_of(&scores)?) != (scored.episodes, scored.passed, scored.outcomes) {
                    let (stated, of) = (scored.passed, scored.episodes);
                    differs.push(format!(
                        "{what}: it says {stated} of {of} passed, the record {passed} of {}, or others",
                        scores.len()
                    ));
                }
            }
            _ => {}
        }
    }
    Ok((differs, compared))
}

/// What the record holds of these rollouts of a harness; `None` where it holds none, as of a pool, or where the infrastructure lost one,
/// which is no result.
fn scores(harness: &str, rollouts: &[String], recorded: &impl Recorded) -> Option<Vec<Score>> {
    let scores: Vec<Score> = rollouts
        .iter()
        .filter_map(|rollout| {
            let (task, seed) = rollout.rsplit_once(' ')?;
            let played = recorded.played(harness, task, seed.parse().ok()?)?;
            Some(Score {
                outcome: played.judged(),
                task: played.rollout.task,
                group: played.group,
                seed: played.rollout.seed,
                parts: played.parts,
                episode: played.episode,
            })
        })
        .collect();
    let whole = !scores.is_empty() && scores.iter().all(|score| score.outcome != Outcome::Infrastructure);
    whole.then_some(scores)
}
