//! What a set of scored rollouts says: success with its interval over groups, cost, speed.

use std::collections::BTreeMap;

use evolve_gate::interval::{Interval, mean_interval};
use harness_abi::Usage;
use serde::Serialize;

use crate::Scored;

/// Bootstrap resamples behind an interval.
const RESAMPLES: usize = 10_000;

/// The result of a benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Rollouts.
    pub episodes: usize,
    /// Different tasks.
    pub tasks: usize,
    /// Groups of tasks: the units of the interval.
    pub groups: usize,
    /// Mean reward.
    pub success: f64,
    /// 95 % interval of the mean over groups.
    pub ci95: Option<[f64; 2]>,
    /// How the interval was made.
    pub interval: Option<Interval>,
    /// Means of the reward's named components.
    pub parts: BTreeMap<String, f64>,
    /// Rollouts that ended in a fault of the harness.
    pub faults: usize,
    /// Rollouts that infrastructure ended; they count as 0 here.
    pub infrastructure: usize,
    /// Steps taken.
    pub steps: u64,
    /// Tokens of prompts and replies, as if nothing had been replayed.
    pub tokens: u64,
    /// Of that, tokens of replayed calls.
    pub replayed_tokens: u64,
    /// Tokens and money in detail.
    pub usage: Usage,
    /// What marking used, where a model marks; not part of `usage`.
    pub marking: Usage,
    /// Rollouts the record held already.
    pub remembered: usize,
}

impl Summary {
    /// Sums up; `seed` is that of the bootstrap.
    pub fn of(scored: &[Scored], seed: u64) -> Self {
        let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut parts: BTreeMap<String, f64> = BTreeMap::new();
        let (mut usage, mut replayed, mut marking) = (Usage::default(), Usage::default(), Usage::default());
        for row in scored {
            groups.entry(&row.group).or_default().push(row.reward);
            for (name, value) in &row.parts {
                *parts.entry(name.clone()).or_default() += value / scored.len() as f64;
            }
            usage += row.usage;
            replayed += row.replayed;
            marking += row.marking;
        }
        let count = |wanted: &dyn Fn(&Scored) -> bool| scored.iter().filter(|row| wanted(row)).count();
        let tasks: std::collections::BTreeSet<&str> = scored.iter().map(|row| row.task.as_str()).collect();
        let clusters: Vec<Vec<f64>> = groups.values().cloned().collect();
        let interval = mean_interval(seed, &clusters, 0.95, RESAMPLES);
        Self {
            episodes: scored.len(),
            tasks: tasks.len(),
            groups: groups.len(),
            success: if scored.is_empty() {
                0.0
            } else {
                scored.iter().map(|row| row.reward).sum::<f64>() / scored.len() as f64
            },
            ci95: interval.as_ref().map(|interval| [interval.low, interval.high]),
            interval,
            parts,
            faults: count(&|row| row.outcome == evolve_gate::Outcome::Fault),
            infrastructure: count(&|row| row.outcome == evolve_gate::Outcome::Infrastructure),
            steps: scored.iter().map(|row| row.steps).sum(),
            tokens: usage.input_tokens + usage.output_tokens,
            replayed_tokens: replayed.input_tokens + replayed.output_tokens,
            usage,
            marking,
            remembered: count(&|row| row.remembered),
        }
    }
}
