//! Simulated outcomes, and the power table made of them. Everything here is simulated and says so; nothing here is
//! evidence about a harness.

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, Pair};
use crate::placebo::{RecordedGroup, Recording};
use crate::plan::PlannedGroup;
use crate::process::{Claim, Process, Reason, Stopping};
use crate::stream::Stream;
use crate::unit::{Alpha, Unit};

/// How two arms differ on a task: both pass or both fail most of the time, and now and then they disagree.
/// P(candidate alone passes) = discordance/2 + effect, P(incumbent alone passes) = discordance/2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// Net gain of the candidate, in [−1, 1].
    pub effect: f64,
    /// Share of tasks on which two equally good arms disagree: the symmetric background.
    pub discordance: f64,
}

impl Contrast {
    /// (incumbent passes, candidate passes) for one uniform draw.
    fn draw(self, u: f64) -> (bool, bool) {
        let lost = (self.discordance / 2.0 - self.effect.min(0.0)).min(1.0);
        let won = (self.discordance / 2.0 + self.effect.max(0.0)).min(1.0 - lost);
        let rest = (u - won - lost) / (1.0 - won - lost);
        if u < won {
            (false, true)
        } else if u < won + lost {
            (true, false)
        } else {
            (rest < 0.5, rest < 0.5)
        }
    }
}

/// A suite to simulate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// Explore groups.
    pub explore: usize,
    /// Gate groups.
    pub gate: usize,
    /// Tasks per group, which stand or fall together: they share one draw.
    pub siblings: usize,
    /// Seeds each task is played with; every one is a draw of its own.
    pub seeds: u64,
    /// Chance that an arm's episode times out, independently of the rest.
    pub timeouts: f64,
    /// The pairs of arms there are.
    pub contrasts: Vec<Contrast>,
}

impl Simulation {
    /// Draws a recording of the simulation.
    pub fn record(&self, seed: u64) -> Recording {
        let mut stream = Stream::new("simulated world", &[&seed.to_le_bytes()]);
        let mut part = |name: &str, groups: usize| {
            (0..groups).map(|k| self.group(&mut stream, format!("{name}-{k}"))).collect::<Vec<_>>()
        };
        let explore = part("explore", self.explore);
        let gate = part("gate", self.gate);
        Recording { explore, gate, seeds: (0..self.seeds.max(1)).collect() }
    }

    fn group(&self, stream: &mut Stream, group: String) -> RecordedGroup {
        let tasks: Vec<_> = (0..self.siblings.max(1)).map(|k| format!("{group}/{k}")).collect();
        let contrasts = self
            .contrasts
            .iter()
            .map(|contrast| {
                let draws: Vec<_> = (0..self.seeds.max(1)).map(|_| contrast.draw(stream.uniform())).collect();
                let mut arm = |passes| {
                    if self.timeouts > 0.0 && stream.uniform() < self.timeouts {
                        Outcome::Timeout
                    } else {
                        Outcome::Scored(Unit::pass(passes))
                    }
                };
                let rollouts =
                    tasks.iter().flat_map(|task| draws.iter().zip(0..).map(move |(draw, seed)| (task, seed, *draw)));
                let pair = |(task, seed, (incumbent, candidate)): (&String, u64, (bool, bool))| Pair {
                    task: task.clone(),
                    seed,
                    incumbent: arm(incumbent),
                    candidate: arm(candidate),
                    price: None,
                };
                rollouts.map(pair).collect()
            })
            .collect();
        RecordedGroup { planned: PlannedGroup { group, tasks }, contrasts }
    }
}

/// Groups a claim takes, over simulated duels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Share of duels that ended in acceptance.
    pub accepted: f64,
    /// Median of groups to acceptance, those never accepted counted as infinite; `None` when infinite.
    pub median: Option<u32>,
    /// 90th percentile, likewise.
    pub p90: Option<u32>,
    /// Mean of groups to *any* end of the duel.
    pub mean_groups: f64,
}

/// Simulates `duels` duels of groups of one task at level `alpha` over `groups` groups.
pub fn power(seed: u64, contrast: Contrast, alpha: Alpha, stopping: Stopping, groups: u32, duels: u32) -> Power {
    let mut stream = Stream::new("simulated power", &[&seed.to_le_bytes()]);
    let (mut accepted, mut total) = (Vec::new(), 0_u64);
    for _ in 0..duels {
        let mut process = Process::new(Claim::Gain, alpha, stopping, groups);
        let mut end = process.at_end();
        while end.is_none() {
            let (incumbent, candidate) = contrast.draw(stream.uniform());
            end = process.enter(f64::from(i8::from(candidate) - i8::from(incumbent)));
        }
        total += u64::from(process.groups());
        if end == Some(Reason::Proven) {
            accepted.push(process.groups());
        }
    }
    accepted.sort_unstable();
    let quantile = |per_cent: usize| accepted.get((duels as usize * per_cent / 100).saturating_sub(1)).copied();
    Power {
        accepted: accepted.len() as f64 / f64::from(duels.max(1)),
        median: quantile(50),
        p90: quantile(90),
        mean_groups: total as f64 / f64::from(duels.max(1)),
    }
}
