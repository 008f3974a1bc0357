//! One stream of gate groups against the folds there were before it, simulated: whole evolutions with the settings a run
//! begins with, over suites of 40 to 1,000 tasks of which 45 % are gate groups. First one good edit among the first 16
//! candidates, then nothing but useless ones. Seeds are 0, 1, 2, …
//!
//! `nice cargo run --release -p evolve-gate --example stream [RUNS]`
#![expect(clippy::print_stdout, reason = "a table for a person")]

use evolve_gate::interval::clopper_pearson_upper;
use evolve_gate::{Alpha, Claim, Control, ErrorBudget, Process, Reason, Schedule, Stopping, Stream};

const ROUNDS: u32 = 5;
const IDLE: u32 = 2;
const CANDIDATES: [usize; ROUNDS as usize] = [16, 8, 8, 8, 8];
const JUDGED: usize = 4;
const SCREEN: [usize; 3] = [6, 12, 24];
const TASKS: [u32; 7] = [40, 100, 177, 178, 200, 500, 1000];

/// Who is judged on which groups, and at what level.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// As before: folds of about 40 groups, at most three; equal parts of α, halves by rank, an order for each candidate.
    Folds,
    /// One order for all, from the first group that no ship has used up; the purse of this crate.
    Stream,
}

/// How a useless candidate's group differences are drawn.
#[derive(Clone, Copy, PartialEq)]
enum Null {
    /// +1 and −1 equally often.
    Symmetric,
    /// +1 seldom, a little below 0 else; the mean is 0.
    Skewed,
    /// As symmetric, the mean over two seeds and two tasks that fall together.
    Clustered,
    /// Made by someone who knows that those before did not ship, and so wins where they lost: −d of the one before.
    Adaptive,
}

/// One candidate: its net effect, and what its draws are keyed with.
#[derive(Clone, Copy)]
struct Candidate {
    effect: f64,
    key: u64,
}

struct World {
    seed: u64,
    q: f64,
    null: Null,
}

impl World {
    /// The difference of a candidate on a group; the same whenever it is asked for.
    fn difference(&self, candidate: Candidate, group: u64) -> f64 {
        let draw = |key: u64| {
            let parts = [&self.seed.to_le_bytes()[..], &key.to_le_bytes(), &group.to_le_bytes()];
            Stream::new("stream example", &parts).uniform()
        };
        let coin = |u: f64| {
            let (lost, won) = (self.q / 2.0, self.q / 2.0 + candidate.effect);
            if u < lost { -1.0 } else { f64::from(u8::from(u < lost + won)) }
        };
        if candidate.effect > 0.0 {
            return coin(draw(candidate.key));
        }
        match self.null {
            Null::Symmetric => coin(draw(candidate.key)),
            Null::Skewed if draw(candidate.key) < self.q / 2.0 => 1.0,
            Null::Skewed => -(self.q / 2.0) / (1.0 - self.q / 2.0),
            Null::Clustered => (coin(draw(candidate.key)) + coin(draw(candidate.key + (1 << 40)))) / 2.0,
            Null::Adaptive => {
                let sign = if candidate.key.is_multiple_of(2) { 1.0 } else { -1.0 };
                sign * coin(draw(candidate.key / 2))
            }
        }
    }
}

/// The levels of a run by either rule.
enum Purse {
    Folds { folds: u32, unassigned: f64, fold: f64, seen: u32, round: f64, rounds: u32 },
    Stream(ErrorBudget),
}

impl Purse {
    fn new(rule: Rule, folds: u32) -> Self {
        match rule {
            Rule::Folds => Self::Folds { folds, unassigned: 0.05, fold: 0.0, seen: 0, round: 0.0, rounds: 0 },
            Rule::Stream => {
                let schedule = Schedule { rounds: ROUNDS, idle_rounds: IDLE };
                Self::Stream(ErrorBudget::new(Alpha::ONE_IN_TWENTY, Control::EveryShip, schedule))
            }
        }
    }

    fn open_round(&mut self) {
        match self {
            Self::Stream(purse) => purse.open_round(),
            Self::Folds { folds, unassigned, fold, seen, round, rounds } => {
                let left = ROUNDS - *rounds;
                if *seen == 0 {
                    *fold = *unassigned / f64::from((*folds).min(left).max(1));
                    *unassigned -= *fold;
                }
                *round = *fold / f64::from((IDLE - *seen).min(left).max(1));
                (*rounds, *seen) = (*rounds + 1, *seen + 1);
            }
        }
    }

    fn grant(&mut self) -> Alpha {
        match self {
            Self::Stream(purse) => purse.grant(),
            Self::Folds { fold, round, .. } => {
                let granted = *round / 2.0;
                (*round, *fold) = (*round - granted, *fold - granted);
                Alpha::new(granted).unwrap_or(Alpha::ZERO)
            }
        }
    }

    fn ship(&mut self) {
        match self {
            Self::Stream(purse) => purse.ship(),
            Self::Folds { folds, fold, seen, .. } => (*folds, *fold, *seen) = (folds.saturating_sub(1), 0.0, 0),
        }
    }
}

#[derive(Default, Clone, Copy)]
struct Sums {
    good: u64,
    useless: u64,
    /// Gate rollouts, both arms.
    rollouts: u64,
}

/// One evolution with a good edit of this effect among its first candidates, if it is above 0.
fn evolve(world: &World, rule: Rule, tasks: u32, effect: f64) -> Sums {
    let gate = u64::from(tasks * 45 / 100);
    let folds = (gate / 40).clamp(1, 3) as u32;
    let mut purse = Purse::new(rule, folds);
    let mut sums = Sums::default();
    let (mut used, mut looked, mut idle, mut next) = (0, 0, 0, 0);
    // Groups that the incumbent has played since the last ship: a place in the stream, or a place in its fold.
    let mut met = std::collections::HashSet::new();
    let mut good = (effect > 0.0).then_some(Candidate { effect, key: u64::MAX / 2 });
    for candidates in CANDIDATES {
        if idle == IDLE || used >= gate {
            break;
        }
        idle += 1;
        purse.open_round();
        let mut screened: Vec<(Candidate, f64)> = Vec::new();
        for k in 0..candidates {
            // The good one stands anywhere among those of its round.
            let place = world.seed as usize % candidates;
            let one = good.filter(|_| k == place).unwrap_or_else(|| {
                next += 1;
                Candidate { effect: 0.0, key: next }
            });
            screened.push((one, 0.0));
        }
        let mut played = 0;
        for (rung, tasks) in SCREEN.into_iter().enumerate() {
            for (one, gain) in &mut screened {
                *gain += (played..tasks).map(|task| world.difference(*one, (1 << 32) + task as u64)).sum::<f64>();
            }
            played = tasks;
            screened.sort_by(|a, b| b.1.total_cmp(&a.1));
            if rung + 1 < SCREEN.len() {
                screened.truncate(screened.len().div_ceil(2).max(JUDGED));
            }
        }
        screened.retain(|(_, gain)| *gain >= 0.1 * played as f64);
        screened.truncate(JUDGED);
        for (one, _) in screened {
            let left = match rule {
                Rule::Stream => gate - used,
                Rule::Folds => gate / (gate / 40).clamp(1, 3),
            };
            let mut process = Process::new(Claim::Gain, purse.grant(), Stopping::default(), left as u32);
            let mut order: Vec<u64> = (used..used + left).collect();
            if rule == Rule::Folds {
                let mut stream = Stream::new("fold order", &[&world.seed.to_le_bytes(), &one.key.to_le_bytes()]);
                for k in (1..order.len()).rev() {
                    order.swap(k, stream.below(k + 1));
                }
            }
            let (mut end, mut at) = (process.at_end(), 0);
            while end.is_none() {
                end = process.enter(world.difference(one, order[at]));
                sums.rollouts += 1 + u64::from(met.insert(order[at]));
                at += 1;
            }
            looked = at.max(looked);
            if end == Some(Reason::Proven) {
                if one.effect > 0.0 {
                    (sums.good, good) = (sums.good + 1, None);
                } else {
                    sums.useless += 1;
                }
                purse.ship();
                met.clear();
                used += if rule == Rule::Stream { looked as u64 } else { left };
                (looked, idle) = (0, 0);
                break;
            }
        }
    }
    sums
}

/// All runs of a cell, on two threads. Ships are counted as runs that have one.
fn cell(runs: u64, q: f64, null: Null, rule: Rule, tasks: u32, effect: f64) -> Sums {
    let part = |range: std::ops::Range<u64>| {
        range.map(|seed| evolve(&World { seed, q, null }, rule, tasks, effect)).fold(Sums::default(), |a, b| Sums {
            good: a.good + b.good.min(1),
            useless: a.useless + b.useless.min(1),
            rollouts: a.rollouts + b.rollouts,
        })
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| part(runs / 2..runs));
        let (a, b) = (part(0..runs / 2), other.join().unwrap_or_default());
        Sums { good: a.good + b.good, useless: a.useless + b.useless, rollouts: a.rollouts + b.rollouts }
    })
}

fn main() {
    let runs: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let rules = [Rule::Folds, Rule::Stream];
    println!("one good edit among the first 16, {runs} runs a cell: runs that ship it · gate rollouts for each\n");
    println!("| tasks | edit | folds | one stream |\n|---|---|---|---|");
    for tasks in TASKS {
        for (effect, q) in [(20, 10), (20, 20), (20, 30), (10, 10)] {
            let row = rules.map(|rule| {
                let sums = cell(runs, f64::from(q) / 100.0, Null::Symmetric, rule, tasks, f64::from(effect) / 100.0);
                let share = 100.0 * sums.good as f64 / runs as f64;
                format!("{share:.1} % · {:.0}", sums.rollouts as f64 / sums.good.max(1) as f64)
            });
            println!("| {tasks} | +{effect} @ {q} % | {} |", row.join(" | "));
        }
    }
    println!("\nnothing but useless candidates: runs that ship any, one-sided 95 % bound in brackets\n");
    println!("| tasks | differences | folds | one stream |\n|---|---|---|---|");
    for tasks in [100, 200, 500, 1000] {
        for (name, null) in [
            ("symmetric", Null::Symmetric),
            ("skewed", Null::Skewed),
            ("clustered", Null::Clustered),
            ("adaptive", Null::Adaptive),
        ] {
            for q in [10, 30] {
                let row = rules.map(|rule| {
                    let wrong = cell(runs, f64::from(q) / 100.0, null, rule, tasks, 0.0).useless;
                    let bound = clopper_pearson_upper(wrong, runs, 0.95);
                    format!("{:.2} % ({:.2} %)", 100.0 * wrong as f64 / runs as f64, 100.0 * bound)
                });
                println!("| {tasks} | {name}, {q} % | {} |", row.join(" | "));
            }
        }
    }
}
