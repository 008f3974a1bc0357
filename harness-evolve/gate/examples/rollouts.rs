//! Rollouts to a verdict, simulated: a screen, then the judge, against evaluating every candidate on all gate tasks. Net
//! effects of 0 to 40 points on a symmetric background discordance of 0 to 30 %, 50 to 400 gate groups,
//! 1,000 evolutions each; the settings are those a run begins with. Seeds are 0, 1, 2, …
//!
//! `nice cargo run --release -p evolve-gate --example rollouts [RUNS] [SVG]`
#![expect(clippy::print_stdout, reason = "a table for a person")]

use std::fmt::Write;

use evolve_gate::{Alpha, Claim, Control, ErrorBudget, Futility, Process, Reason, Schedule, Stopping, Stream, Unit};

const ROUNDS: u32 = 5;
const IDLE: u32 = 2;
const CANDIDATES: [usize; ROUNDS as usize] = [16, 8, 8, 8, 8];
const JUDGED: usize = 4;
const SCREEN: [usize; 3] = [6, 12, 24];
/// Explore groups the incumbent plays to be read.
const EXPLORE: u64 = 60;
/// The smallest effect worth having.
const DELTA: f64 = 0.2;

const EFFECTS: [u32; 5] = [0, 5, 10, 20, 40];
const DISCORDANCES: [u32; 4] = [0, 10, 20, 30];
const GROUPS: [u32; 4] = [50, 100, 200, 400];

/// What decides who leaves the screen for the judge.
#[derive(Clone, Copy, PartialEq)]
enum Leaves {
    /// Whoever seems to gain anything.
    Anything,
    /// Whoever seems to gain half of what is worth having.
    HalfDelta,
}

#[derive(Default, Clone, Copy)]
struct Sums {
    candidates: u64,
    ours: u64,
    theirs: u64,
    shipped: u64,
    they_ship: u64,
}

/// A difference under the cell's law: +1 with q/2 + Δ, −1 with q/2.
fn difference(stream: &mut Stream, effect: f64, q: f64) -> f64 {
    let u = stream.uniform();
    let (lost, won) = (q / 2.0, q / 2.0 + effect);
    if u < lost {
        -1.0
    } else if u < lost + won {
        1.0
    } else {
        0.0
    }
}

/// One evolution in which every candidate has this effect on the incumbent it meets.
fn evolve(seed: u64, (effect, q, groups): (f64, f64, u32), leaves: Leaves) -> Sums {
    let cell = [effect.to_le_bytes(), q.to_le_bytes(), u64::from(groups).to_le_bytes()].concat();
    let mut stream = Stream::new("rollouts", &[&seed.to_le_bytes(), &cell]);
    let mut purse =
        ErrorBudget::new(Alpha::ONE_IN_TWENTY, Control::EveryShip, Schedule { rounds: ROUNDS, idle_rounds: IDLE });
    let futility = Futility { delta: Unit::new(DELTA).unwrap_or(Unit::ZERO), ..Futility::default() };
    let stopping = Stopping { min_groups: 1, futility: Some(futility) };
    let mut sums = Sums { ours: EXPLORE, theirs: u64::from(groups), ..Sums::default() };
    // Groups of the stream that ships have used up, and those that were looked at since, which the incumbent has played.
    let (mut used, mut looked) = (0, 0);
    let (mut idle, mut ships) = (0, 0);
    for candidates in CANDIDATES {
        if idle == IDLE || used >= groups {
            break;
        }
        purse.open_round();
        sums.candidates += candidates as u64;
        // Everything on every gate task; the best is taken unless the rate drops by more than 3 points.
        sums.theirs += candidates as u64 * u64::from(groups);
        let mut screened: Vec<(usize, f64)> = (0..candidates).map(|k| (k, 0.0)).collect();
        let mut played = 0;
        for (rung, &tasks) in SCREEN.iter().enumerate() {
            for one in &mut screened {
                one.1 += (played..tasks).map(|_| difference(&mut stream, effect, q)).sum::<f64>();
            }
            sums.ours += (screened.len() * (tasks - played)) as u64;
            played = tasks;
            screened.sort_by(|a, b| b.1.total_cmp(&a.1));
            if rung + 1 < SCREEN.len() {
                screened.truncate(screened.len().div_ceil(2).max(JUDGED));
            }
        }
        let least = match leaves {
            Leaves::Anything => f64::MIN_POSITIVE,
            Leaves::HalfDelta => DELTA / 2.0 * played as f64,
        };
        screened.retain(|(_, gain)| *gain >= least);
        screened.truncate(JUDGED);
        idle += 1;
        for _ in &screened {
            let mut process = Process::new(Claim::Gain, purse.grant(), stopping, groups - used);
            let mut end = process.at_end();
            while end.is_none() {
                end = process.enter(difference(&mut stream, effect, q));
            }
            let at = process.groups();
            // The incumbent played what the longest duel before it looked at.
            sums.ours += u64::from(at) + u64::from(at.saturating_sub(looked));
            looked = looked.max(at);
            if end == Some(Reason::Proven) {
                ships += 1;
                idle = 0;
                purse.ship();
                used += std::mem::take(&mut looked);
                // The new incumbent has played the screen's tasks already.
                sums.ours += EXPLORE - played as u64;
                break;
            }
        }
    }
    sums.shipped = u64::from(ships > 0);
    // The first round of the aggregate rule alone.
    let best = (0..CANDIDATES[0])
        .map(|_| (0..groups).map(|_| difference(&mut stream, effect, q)).sum::<f64>())
        .fold(f64::MIN, f64::max);
    sums.they_ship = u64::from(best >= -0.03 * f64::from(groups));
    sums
}

fn cell(runs: u64, at: (f64, f64, u32), leaves: Leaves) -> Sums {
    let part = |range: std::ops::Range<u64>| {
        range.map(|seed| evolve(seed, at, leaves)).fold(Sums::default(), |a, b| Sums {
            candidates: a.candidates + b.candidates,
            ours: a.ours + b.ours,
            theirs: a.theirs + b.theirs,
            shipped: a.shipped + b.shipped,
            they_ship: a.they_ship + b.they_ship,
        })
    };
    part(0..runs)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runs: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let svg = arguments.next();
    let mut ratios = Vec::new();
    for leaves in [Leaves::Anything, Leaves::HalfDelta] {
        let name = if leaves == Leaves::Anything { "gains anything" } else { "gains δ/2" };
        println!("\nleaves the screen who seems to: {name} ({runs} evolutions a cell)");
        println!(
            "rollouts to a verdict, share of evaluating every candidate on all gate tasks · evolutions that ship (aggregate rule)\n"
        );
        println!("| net effect | discordance | n = 50 | 100 | 200 | 400 |\n|---|---|---|---|---|---|");
        for effect in EFFECTS {
            for q in DISCORDANCES {
                let mut row = format!("| {effect} points | {q} % |");
                for groups in GROUPS {
                    let sums = cell(runs, (f64::from(effect) / 100.0, f64::from(q) / 100.0, groups), leaves);
                    let ratio = sums.ours as f64 / sums.theirs as f64;
                    let mark = if ratio > 1.0 / 3.0 { "**" } else { "" };
                    let share = |count: u64| 100.0 * count as f64 / runs as f64;
                    let _ = write!(
                        row,
                        " {mark}{ratio:.3}{mark} · {:.1} % ({:.0} %) |",
                        share(sums.shipped),
                        share(sums.they_ship)
                    );
                    if leaves == Leaves::HalfDelta {
                        ratios.push((effect, q, groups, ratio));
                    }
                }
                println!("{row}");
            }
        }
    }
    if let Some(path) = svg
        && let Err(error) = std::fs::write(&path, chart(&ratios))
    {
        println!("cannot write {path}: {error}");
    }
}

/// One panel per n: the ratio over the net effect, a line per discordance.
fn chart(ratios: &[(u32, u32, u32, f64)]) -> String {
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 250\" font-family=\"sans-serif\" font-size=\"11\">\
         <rect width=\"760\" height=\"250\" fill=\"#fff\"/>\n",
    );
    let colors = ["#4477aa", "#66ccee", "#228833", "#ee6677"];
    let y = |ratio: f64| 210.0 - 170.0 * ratio.min(1.0);
    for (panel, groups) in GROUPS.iter().enumerate() {
        let left = 40.0 + 180.0 * panel as f64;
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"22\">n = {groups} groups</text><path d=\"M{left} 40V210H{}\" fill=\"none\" stroke=\"#555\"/>\
             <path d=\"M{left} {third}h150\" stroke=\"#bbb\" stroke-dasharray=\"4 3\"/>",
            left + 35.0,
            left + 150.0,
            third = y(1.0 / 3.0),
        );
        for (line, q) in DISCORDANCES.iter().enumerate() {
            let points: Vec<String> = ratios
                .iter()
                .filter(|row| row.1 == *q && row.2 == *groups)
                .map(|row| format!("{:.1},{:.1}", left + 3.5 * f64::from(row.0) + 5.0, y(row.3)))
                .collect();
            let _ = writeln!(
                out,
                "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" points=\"{}\"/>",
                colors[line],
                points.join(" ")
            );
        }
        for effect in EFFECTS {
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"224\" text-anchor=\"middle\">{effect}</text>",
                left + 3.5 * f64::from(effect) + 5.0
            );
        }
    }
    for (text, at) in [("0", 0.0), ("1/3", 1.0 / 3.0), ("1", 1.0)] {
        let _ = writeln!(out, "<text x=\"34\" y=\"{}\" text-anchor=\"end\">{text}</text>", y(at) + 4.0);
    }
    for (line, q) in DISCORDANCES.iter().enumerate() {
        let _ = writeln!(out, "<text x=\"{}\" y=\"244\" fill=\"{}\">q = {q} %</text>", 40 + 60 * line, colors[line]);
    }
    out.push_str("<text x=\"400\" y=\"244\">net effect in points; share of evaluating every candidate on all gate tasks</text>\n</svg>\n");
    out
}
