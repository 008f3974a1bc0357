//! Ships of useless edits, simulated: whole evolutions of 15 rounds × 4 candidates with adaptive proposals, judged by this
//! crate, by the aggregate rate and by the strict seesaw; then the same with one planted edit. Seeds are 0, 1, 2, …
//!
//! `nice cargo run --release -p evolve-gate --example null [RUNS]`
#![expect(clippy::print_stdout, reason = "a table for a person")]

use evolve_gate::interval::{clopper_pearson_lower, clopper_pearson_upper};
use evolve_gate::placebo::{Coin, Rehearsal};
use evolve_gate::simulate::{Contrast, Simulation};
use evolve_gate::{Rule, Stopping};

/// Gate groups.
const GROUPS: usize = 200;

fn main() {
    let runs: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let contrasts = |discordances: &[f64]| -> Vec<Contrast> {
        discordances.iter().map(|&discordance| Contrast { effect: 0.0, discordance }).collect()
    };
    let plain = Simulation {
        explore: 64,
        gate: GROUPS,
        siblings: 1,
        seeds: 1,
        timeouts: 0.0,
        contrasts: contrasts(&[0.13, 0.3, 0.05, 0.2]),
    };
    let fours = Simulation { siblings: 4, seeds: 2, timeouts: 0.1, ..plain.clone() };
    let quiet = Simulation { siblings: 4, seeds: 2, contrasts: contrasts(&[0.01, 0.02]), ..plain.clone() };
    let judge = Rehearsal::default();
    let clustered = Rehearsal { coin: Coin::PerGroup, ..judge.clone() };
    let patient = Rehearsal { stopping: Stopping { futility: None, ..Stopping::default() }, ..clustered.clone() };
    let rival = |rule| Rehearsal { rule, ..clustered.clone() };
    println!(
        "null: every arm swapped by fair coins, 15 rounds x 4 candidates, screened from 16, {GROUPS} gate groups, 32 in flight, alpha = 0.05"
    );
    println!("{:64} {:>8} {:>8} {:>8}", "", "runs", "ship", "bound");
    for (name, simulation, rehearsal, runs) in [
        ("judge, groups of one", &plain, &judge, runs),
        ("judge, groups of four x 2 seeds, 10 % timeouts", &fours, &clustered, runs),
        ("judge, the same, never giving up early", &fours, &patient, runs),
        ("judge, groups of four x 2 seeds, discordance 1-2 %", &quiet, &clustered, runs),
        ("aggregate rate unless -3 points, groups of four, timeouts", &fours, &rival(Rule::Aggregate), runs / 10),
        ("strict seesaw at pass@2, groups of four, timeouts", &fours, &rival(Rule::Seesaw), runs / 10),
        ("aggregate rate unless -3 points, discordance 1-2 %", &quiet, &rival(Rule::Aggregate), runs / 10),
        ("strict seesaw at pass@2, discordance 1-2 %", &quiet, &rival(Rule::Seesaw), runs / 10),
    ] {
        let ship = count(runs, |seed| !rehearsal.run(seed, &simulation.record(seed), None).is_empty());
        println!("{name:64} {runs:>8} {ship:>8} {:>8.4}", clopper_pearson_upper(ship, runs, 0.95));
    }
    println!("\none planted edit among them, in the first round: runs that ship it, one-sided 95 % bound below");
    for points in [10, 20, 40] {
        for (name, rule) in [("judge", Rule::Judge), ("aggregate", Rule::Aggregate), ("seesaw", Rule::Seesaw)] {
            let mut simulation = fours.clone();
            simulation.contrasts.push(Contrast { effect: f64::from(points) / 100.0, discordance: 0.13 });
            let (planted, runs) = (simulation.contrasts.len() - 1, runs / 10);
            let rehearsal = rival(rule);
            let ship = count(runs, |seed| {
                let ships = rehearsal.run(seed, &simulation.record(seed), Some(planted));
                ships.iter().any(|shipped| shipped.contrast == planted)
            });
            println!(
                "{:64} {runs:>8} {ship:>8} {:>8.4}",
                format!("+{points} points, {name}"),
                clopper_pearson_lower(ship, runs, 0.95)
            );
        }
    }
}

/// Seeds below `runs` for which `happens`, on two threads.
fn count(runs: u64, happens: impl Fn(u64) -> bool + Sync) -> u64 {
    let half = |range: std::ops::Range<u64>| range.filter(|&seed| happens(seed)).count() as u64;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(runs / 2..runs));
        half(0..runs / 2) + other.join().unwrap_or(u64::MAX)
    })
}
