//! What a budget buys, before anything is spent on it: proposals, rollouts, tokens, money, minutes, and the smallest gain that would be
//! proven. A few rollouts of the initial harness are played and timed.

use harness_bench::Benchmark;
use harness_evolve::{EvolveConfig, report};
use harness_trace::{Entry, Filter};
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{
        App,
        bench::{BenchRequest, bench},
        bounds::AtOnce,
        suite::Groups,
    },
    EvolveRequest, extent,
};
use crate::{Control, Failure};

/// Rollouts that are timed.
const TIMED: usize = 4;
/// Arms of the report that a model plays, as most suites have them: initial, final, generic only, naive, random.
const ARMS: usize = 5;
/// The share of duels that a gain must be proven in to be called provable.
const POWER: f64 = 0.8;

/// What an evolution takes at most, and what it can prove.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Whose data.
    pub label: String,
    /// Who plays, in a word or two.
    pub model: String,
    /// Groups of tasks in each split.
    pub groups: Groups,
    /// What one rollout of the initial harness takes.
    pub rollout: Timed,
    /// Candidates that are screened in the first round, and in each later one.
    pub proposals: (usize, usize),
    /// Most rounds.
    pub rounds: u32,
    /// Rollouts of the first round at most, by what they are for.
    pub first_round: FirstRound,
    /// Rollouts of the report, sealed tasks first.
    pub report: usize,
    /// The bound that was set, if one was.
    pub max_rollouts: Option<u64>,
    /// Minutes of the first round and the report at most, one rollout at a time.
    pub minutes: f64,
    /// Tokens of them.
    pub tokens: f64,
    /// Dollars of them; a model without a price counts nothing. What a model of the stages asks comes on top.
    pub dollars: f64,
    /// The smallest gain in points that a first duel proves in four of five runs; `None`: not even 95 points.
    pub provable: Option<u32>,
}

/// A rollout of the initial harness, on average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timed {
    /// How many were played.
    pub played: usize,
    /// Seconds.
    pub seconds: f64,
    /// Tokens of prompts and replies.
    pub tokens: f64,
    /// Dollars.
    pub dollars: f64,
    /// Share of them that succeeded.
    pub success: f64,
}

/// Rollouts of a first round at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FirstRound {
    /// Of the incumbent, to be digested.
    pub explore: usize,
    /// Of screens: many candidates on few tasks, few on more.
    pub screen: usize,
    /// Of tuning the best and of pairs.
    pub tune: usize,
    /// Of the longest duel: two arms on every gate task.
    pub duel: usize,
}

impl FirstRound {
    fn of(config: &EvolveConfig, explore: usize, gate: usize) -> Self {
        let seeds = config.seeds_per_task.max(1) as usize;
        let explore = if config.explore_groups == 0 { explore } else { explore.min(config.explore_groups) };
        let most = config.screen_tasks.max(1).min(explore.max(1));
        let (first, judged) = (config.first_candidates, config.judged.max(1));
        let half = first.div_ceil(2).max(judged).min(first);
        let quarter = half.div_ceil(2).max(judged).min(half);
        // Who goes on plays only what is new.
        let (a, b) = (most.div_ceil(4), most.div_ceil(2));
        let screen = first * a + half * (b - a) + quarter * (most - b);
        let tune = config.tunings * most + config.combinations * most;
        Self { explore: explore * seeds, screen: screen * seeds, tune: tune * seeds, duel: 2 * gate * seeds }
    }

    /// All.
    pub fn sum(&self) -> usize {
        self.explore + self.screen + self.tune + self.duel
    }
}

/// Plays a few rollouts and says what all of it takes.
///
/// # Errors
///
/// The suite, the harness, the model or a setting cannot be used, nothing could be measured, or it was cancelled.
pub fn plan(app: &App, request: &EvolveRequest, control: &Control) -> Result<Plan, Failure> {
    let harness = match &request.harness {
        None => "initial".to_owned(),
        Some(path) => {
            let text = path.to_str().map(str::to_owned);
            text.ok_or_else(|| Failure::input(format!("{} is not UTF-8; name it otherwise", path.display())))?
        }
    };
    let measured = bench(
        app,
        &BenchRequest {
            benchmark: request.benchmark.clone(),
            harness,
            model: request.model.clone(),
            split: "explore".to_owned(),
            limit: Some(TIMED),
            concurrency: AtOnce::nearest(1),
            wait: request.wait,
        },
        control,
    )?;
    if let Some(why) = measured.unmeasured {
        return Err(Failure::new(format!("a rollout could not be measured: {why}")));
    }
    let host = app.host()?;
    let benchmark = app.benchmark(&request.benchmark, &host)?;
    let groups = Groups::of(&benchmark);
    let mut settings = benchmark.suite.evolve.settings.clone();
    settings.extend(request.settings.clone());
    let wrong = |error| Failure::input(format!("a setting of the evolution is wrong: {error}"));
    let config: EvolveConfig = serde_json::from_value(Value::from(settings)).map_err(wrong)?;
    let config = EvolveConfig { seed: request.benchmark.seed, ..config };
    let sealed = extent(request.sealed.unwrap_or(benchmark.suite.evolve.sealed));
    let of = |most: usize, all: usize| if most == 0 { all } else { most.min(all) };
    let report = ARMS
        * (of(sealed.sealed, groups.sealed) + of(sealed.gate, groups.gate) + of(sealed.explore, groups.explore))
        * config.seeds_per_task.max(1) as usize;

    let played = measured.summary.measured.max(1) as f64;
    let usage = measured.summary.usage;
    let rollout = Timed {
        played: measured.summary.measured,
        seconds: seconds(app, &measured.run)?.max(measured.wall_seconds) / played,
        tokens: measured.summary.tokens as f64 / played,
        dollars: usage.cost_micros as f64 / 1e6 / played,
        success: measured.summary.success,
    };
    let first_round = FirstRound::of(&config, groups.explore, groups.gate);
    let max_rollouts = request.rollouts.or(config.max_rollouts);
    let bounded = max_rollouts.map_or(first_round.sum(), |most| first_round.sum().min(most as usize));
    let all = (bounded + report) as f64;
    Ok(Plan {
        label: measured.label,
        model: measured.model,
        proposals: (config.first_candidates, config.candidates),
        rounds: config.rounds,
        report,
        max_rollouts,
        minutes: all * rollout.seconds / 60.0,
        tokens: all * rollout.tokens,
        dollars: all * rollout.dollars,
        provable: report::provable(&config, groups.gate, POWER).map_err(Failure::new)?,
        groups,
        rollout,
        first_round,
    })
}

/// What a run can come to, in a line and without playing anything.
pub(super) fn outlook(config: &EvolveConfig, benchmark: &Benchmark) -> Result<String, Failure> {
    let groups = Groups::of(benchmark);
    let round = FirstRound::of(config, groups.explore, groups.gate);
    let proves = match report::provable(config, groups.gate, POWER).map_err(Failure::new)? {
        Some(points) => format!("a gain of {points} points is proven in 4 of 5 runs"),
        None => "no gain is proven in 4 of 5 runs: too few gate groups".to_owned(),
    };
    let bound = config.max_rollouts.map_or_else(String::new, |most| format!(" (all in all {most} at most)"));
    Ok(format!(
        "a first round tries {} edits in at most {} rollouts{bound}; on {} gate groups {proves}",
        config.first_candidates,
        round.sum(),
        groups.gate
    ))
}

/// Seconds that the models of a run took when they were really asked: what is replayed costs nothing now and did then.
fn seconds(app: &App, run: &str) -> Result<f64, Failure> {
    let store = app.record()?;
    let mut all = 0;
    for row in store.episodes(&Filter { run: run.to_owned(), ..Filter::default() })? {
        for entry in store.entries(&row)? {
            if let Entry::Chat { micros, .. } | Entry::Score { micros, .. } = entry?.1 {
                all += micros;
            }
        }
    }
    Ok(all as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_counts_what_each_rung_adds() {
        let config = EvolveConfig {
            first_candidates: 16,
            judged: 4,
            screen_tasks: 24,
            tunings: 8,
            combinations: 3,
            explore_groups: 60,
            ..EvolveConfig::default()
        };
        let round = FirstRound::of(&config, 100, 50);
        // 16 on 6 tasks, 8 on 6 more, 4 on 12 more; 11 on 24; both arms on 50.
        assert_eq!(round, FirstRound { explore: 60, screen: 192, tune: 264, duel: 100 });
        assert_eq!(round.sum(), 616);
        // Fewer explore tasks than a screen would take.
        assert_eq!(FirstRound::of(&config, 8, 4).explore, 8);
    }
}
