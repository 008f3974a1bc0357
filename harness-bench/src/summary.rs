//! What a set of scored rollouts says: success with its interval over groups, cost, speed.

use std::collections::BTreeMap;

use evolve_gate::interval::{Interval, mean_interval};
use harness_abi::Usage;
use harness_trace::{EpisodeResult, Outcome};
use serde::Serialize;

/// Bootstrap resamples behind an interval.
const RESAMPLES: usize = 10_000;

/// The result of a benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Rollouts.
    pub episodes: usize,
    /// Rollouts that were measured: all but those that infrastructure ended. Success, interval and parts are over these.
    pub measured: usize,
    /// Different tasks.
    pub tasks: usize,
    /// Groups of tasks: the units of the interval.
    pub groups: usize,
    /// Mean reward; 0 where nothing was measured.
    pub success: f64,
    /// 95 % interval of the mean over groups.
    pub ci95: Option<[f64; 2]>,
    /// How the interval was made.
    pub interval: Option<Interval>,
    /// Means of the reward's named components.
    pub parts: BTreeMap<String, f64>,
    /// Rollouts that ended in a fault of the harness.
    pub faults: usize,
    /// Rollouts that infrastructure ended: nothing is known of them.
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
    /// Whether every rollout was measured. If not, the numbers are of some of the tasks only.
    pub fn is_whole(&self) -> bool {
        self.measured == self.episodes
    }

    /// Sums up; `seed` is that of the bootstrap.
    pub fn of(scored: &[EpisodeResult], seed: u64) -> Self {
        let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut parts: BTreeMap<String, f64> = BTreeMap::new();
        let (mut usage, mut replayed, mut marking) = (Usage::default(), Usage::default(), Usage::default());
        let measured: Vec<&EpisodeResult> = scored.iter().filter(|row| row.is_measured()).collect();
        for row in &measured {
            groups.entry(&row.group).or_default().push(row.score());
            for (name, value) in &row.parts {
                *parts.entry(name.clone()).or_default() += value / measured.len() as f64;
            }
        }
        for row in scored {
            usage += row.usage;
            replayed += row.replayed;
            marking += row.marking;
        }
        let count = |wanted: &dyn Fn(&EpisodeResult) -> bool| scored.iter().filter(|row| wanted(row)).count();
        let tasks: std::collections::BTreeSet<&str> = scored.iter().map(|row| row.rollout.task.as_str()).collect();
        let clusters: Vec<Vec<f64>> = groups.values().cloned().collect();
        let interval = mean_interval(seed, &clusters, 0.95, RESAMPLES);
        Self {
            episodes: scored.len(),
            measured: measured.len(),
            tasks: tasks.len(),
            groups: groups.len(),
            success: match measured.len() {
                0 => 0.0,
                count => measured.iter().map(|row| row.score()).sum::<f64>() / count as f64,
            },
            ci95: interval.as_ref().map(|interval| [interval.low, interval.high]),
            interval,
            parts,
            faults: count(&|row| row.outcome == Outcome::Fault),
            infrastructure: count(&|row| !row.is_measured()),
            steps: scored.iter().map(|row| row.steps).sum(),
            tokens: usage.input_tokens + usage.output_tokens,
            replayed_tokens: replayed.input_tokens + replayed.output_tokens,
            usage,
            marking,
            remembered: count(&|row| row.remembered),
        }
    }
}

#[cfg(test)]
mod tests {
    use harness_trace::Rollout;

    use super::*;

    #[test]
    fn what_infrastructure_ended_is_no_failure() {
        let row = |task: &str, outcome: Outcome, reward: Option<f64>| EpisodeResult {
            rollout: Rollout { task: task.to_owned(), seed: 1 },
            group: task.to_owned(),
            episode: task.to_owned(),
            outcome,
            reason: String::new(),
            reward,
            parts: vec![("part".to_owned(), 1.0)],
            steps: 1,
            usage: Usage::default(),
            replayed: Usage::default(),
            marking: Usage::default(),
            micros: 1,
            remembered: false,
        };
        let all = [
            row("a", Outcome::Done, Some(1.0)),
            row("b", Outcome::Fault, None),
            row("c", Outcome::Infrastructure, None),
            row("d", Outcome::Done, Some(f64::NAN)),
        ];
        let summary = Summary::of(&all, 1);
        assert_eq!((summary.episodes, summary.measured, summary.infrastructure, summary.faults), (4, 2, 2, 1));
        assert_eq!((summary.success, summary.parts["part"], summary.groups), (0.5, 1.0, 2));
        assert!(!summary.is_whole() && Summary::of(&all[..2], 1).is_whole());
        assert_eq!(Summary::of(&all[2..], 1).success, 0.0);
    }
}
