//! Successive halving on explore tasks: most candidates die after a few rollouts. Refuses to prove anything: dying needs
//! no proof, shipping does.

use std::collections::BTreeMap;

use evolve_gate::Outcome;
use harness_trace::{EpisodeResult, Rollout, Split};
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::config::{EvolveConfig, Objective};
use crate::evaluator::{Evaluator, JudgedOutcome};
use crate::events::Phase;
use crate::ledger::Ledger;
use crate::session::{Halt, Session};

/// A candidate after its screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Screened {
    /// The candidate.
    pub candidate: String,
    /// Its edit, for a person.
    pub edit: String,
    /// Explore tasks it played.
    pub tasks: usize,
    /// Episodes that ended in a fault of the harness.
    #[serde(default)]
    pub faults: usize,
    /// Estimated gain in success over explore tasks; a maximum of many noisy ones, not to be quoted.
    pub estimate: f64,
    /// Whether it went on.
    pub survived: bool,
}

impl Screened {
    /// Why it did not go on, for a person.
    pub fn reason(&self) -> String {
        let crashed = match self.faults {
            0 => String::new(),
            faults => format!("; the harness failed in {faults} episodes"),
        };
        let needless = if self.estimate > 0.0 { "; others, or its better half alone, did as well" } else { "" };
        format!("estimated {:+.0} points on {} explore tasks{crashed}{needless}", self.estimate * 100.0, self.tasks)
    }
}

/// A screened candidate with what it played.
pub(crate) struct Contender {
    pub candidate: Candidate,
    pub estimate: f64,
    /// What it saved on the tasks it played, as a share of the price; 0 where only success counts.
    pub saving: f64,
    pub played: Vec<EpisodeResult>,
}

/// The tasks of a screen: those the incumbent fails and those it passes in turns, so that few rollouts see both, and
/// weights that give the estimate for all explore tasks back.
pub(crate) struct Ladder {
    tasks: Vec<String>,
    incumbent: BTreeMap<String, f64>,
    failing: f64,
    seeds: Vec<u64>,
}

/// Mean score of each task over its episodes.
pub(crate) fn scores(played: &[EpisodeResult]) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for one in played {
        if let Some(score) = one.judged().score() {
            let sum = sums.entry(one.rollout.task.clone()).or_default();
            *sum = (sum.0 + score.value(), sum.1 + 1.0);
        }
    }
    sums.into_iter().map(|(task, (sum, count))| (task, sum / count)).collect()
}

impl Ladder {
    /// `order` are the explore tasks in drawn order.
    pub fn new(order: &[String], incumbent: BTreeMap<String, f64>, seeds: Vec<u64>) -> Self {
        let fails = |task: &&String| incumbent.get(*task).is_some_and(|score| *score < 1.0);
        let passes = |task: &&String| incumbent.get(*task).is_some_and(|score| *score >= 1.0);
        let (mut failing, mut passing) = (order.iter().filter(fails), order.iter().filter(passes));
        let failing_share = order.iter().filter(fails).count() as f64 / incumbent.len().max(1) as f64;
        let mut tasks = Vec::with_capacity(order.len());
        loop {
            let (fail, pass) = (failing.next(), passing.next());
            if fail.is_none() && pass.is_none() {
                break;
            }
            tasks.extend(fail.into_iter().chain(pass).cloned());
        }
        Self { tasks, incumbent, failing: failing_share, seeds }
    }

    /// Σ over the two strata of (share of all explore tasks × mean difference on those played).
    pub fn estimate(&self, played: &[EpisodeResult]) -> f64 {
        let (mut fail, mut pass) = ((0.0, 0.0), (0.0, 0.0));
        for (task, score) in scores(played) {
            let Some(before) = self.incumbent.get(&task) else { continue };
            let stratum = if *before < 1.0 { &mut fail } else { &mut pass };
            *stratum = (stratum.0 + score - before, stratum.1 + 1.0);
        }
        let mean = |(sum, count): (f64, f64)| if count > 0.0 { sum / count } else { 0.0 };
        self.failing * mean(fail) + (1.0 - self.failing) * mean(pass)
    }

    fn rollouts(&self, tasks: usize) -> Vec<Rollout> {
        let tasks = self.tasks.iter().take(tasks);
        tasks.flat_map(|task| self.seeds.iter().map(|&seed| Rollout { task: task.clone(), seed })).collect()
    }
}

impl<A: Evaluator, L: Ledger> Session<'_, A, L> {
    pub(crate) async fn try_out(
        &mut self,
        ladder: &Ladder,
        candidate: &Candidate,
        tasks: usize,
    ) -> Result<Vec<EpisodeResult>, Halt> {
        let rollouts = ladder.rollouts(tasks);
        self.insist(&candidate.harness, Split::Explore, Phase::Screen, &rollouts).await
    }

    /// Plays the candidates on more and more tasks, keeping the better half each time but never fewer than `keep`. The
    /// rows of those that fell are added to `rows`, they themselves to `fallen`; who is left comes best first, ties as
    /// they came.
    pub(crate) async fn halve(
        &mut self,
        ladder: &Ladder,
        candidates: Vec<Candidate>,
        keep: usize,
        rows: &mut Vec<Screened>,
        fallen: &mut Vec<Candidate>,
    ) -> Result<Vec<Contender>, Halt> {
        let most = self.config.screen_tasks.max(1);
        let mut pool: Vec<Contender> = candidates
            .into_iter()
            .map(|candidate| Contender { candidate, estimate: 0.0, saving: 0.0, played: Vec::new() })
            .collect();
        for tasks in [most.div_ceil(4), most.div_ceil(2), most] {
            for contender in &mut pool {
                contender.played = self.try_out(ladder, &contender.candidate, tasks).await?;
                contender.estimate = ladder.estimate(&contender.played);
            }
            pool.sort_by(|a, b| b.estimate.total_cmp(&a.estimate));
            let left = if tasks == most { pool.len() } else { pool.len().div_ceil(2).max(keep).min(pool.len()) };
            for contender in pool.drain(left..) {
                rows.push(contender.row(false));
                fallen.push(contender.candidate);
            }
        }
        Ok(pool)
    }

    /// Plays one candidate on all tasks of the ladder.
    pub(crate) async fn climb(&mut self, ladder: &Ladder, candidate: Candidate) -> Result<Contender, Halt> {
        let played = self.try_out(ladder, &candidate, self.config.screen_tasks.max(1)).await?;
        Ok(Contender { estimate: ladder.estimate(&played), saving: 0.0, candidate, played })
    }
}

impl Contender {
    /// Whether it promises half of what is worth having: less is rarely proven and costs a duel (measured in
    /// docs/design/gate.md).
    pub fn promises(&self, config: &EvolveConfig) -> bool {
        let thrifty = match config.objective {
            Objective::Success => false,
            Objective::Cost | Objective::Latency => {
                self.estimate > -config.margin && self.saving >= config.saving / 2.0
            }
        };
        self.estimate >= (config.delta / 2.0).max(f64::MIN_POSITIVE) || thrifty
    }

    pub fn row(&self, survived: bool) -> Screened {
        let tasks: std::collections::BTreeSet<&str> = self.played.iter().map(|p| p.rollout.task.as_str()).collect();
        Screened {
            candidate: self.candidate.id.clone(),
            edit: self.candidate.edit.to_string(),
            tasks: tasks.len(),
            faults: self.played.iter().filter(|played| played.judged() == Outcome::Fault).count(),
            estimate: self.estimate,
            survived,
        }
    }
}
