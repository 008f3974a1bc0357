//! `harness suite check`: does a suite measure what it should, and what can its size prove? Asks no model.

use std::{ops::ControlFlow, path::PathBuf};

use clap::Args;
use harness_bench::{Audit, Benchmark, Finding};
use harness_evolve::{
    EvolveConfig,
    report::{self, Power},
};
use serde_json::{Value, json};

use crate::{cmd::Global, failure::Failure, output, progress::Progress, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite check tickets
  harness suite check functions --data bfcl
  harness suite check tickets --json | jq '.audit.unsolved'

Ends with exit code 1 if numbers of the suite would be wrong: a known answer fails, or silence passes.")]
pub struct CheckArgs {
    /// The suite: a folder with a suite.toml, or functions, household, menus, mixed
    suite: String,
    /// Other data than the suite's own
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Seed of the splits
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What was found.
pub struct Checked {
    audit: Audit,
    power: Power,
    warnings: Vec<String>,
    /// Gate groups by fold.
    folds: Vec<usize>,
}

/// Plays known answers and silence; `each` hears of every task and may stop it.
pub fn check(benchmark: &Benchmark, seed: u64, each: impl Fn() -> ControlFlow<()>) -> Result<Checked, Failure> {
    let folds: Vec<usize> = benchmark.split().folds.iter().map(Vec::len).collect();
    let settings = Value::from(benchmark.suite.evolve.settings.clone());
    let config: EvolveConfig = serde_json::from_value(settings)
        .map_err(|error| Failure::input(format!("a setting of the evolution is wrong: {error}")))?;
    let config = EvolveConfig { seed, ..config };
    let audit = harness_bench::audit(benchmark, each).map_err(|error| Failure::new(error.message))?;
    let power = report::first_duel(&config, folds.len(), folds.first().copied().unwrap_or(0)).map_err(Failure::new)?;
    let warnings = warnings(&audit, benchmark, &power.shares);
    Ok(Checked { audit, power, warnings, folds })
}

impl Checked {
    /// For machines.
    pub fn json(&self, suite: &str, benchmark: &Benchmark) -> Value {
        let Self { audit, power, warnings, folds } = self;
        let split = benchmark.split();
        json!({
            "suite": suite, "label": benchmark.label, "broken": audit.is_broken(), "warnings": warnings, "audit": audit,
            "groups": {"explore": split.explore.len(), "gate": folds, "sealed": split.sealed.len()}, "power": power,
        })
    }
}

/// Checks the suite.
pub fn run(global: &Global, args: &CheckArgs) -> Result<(), Failure> {
    let host = wire::host(&global.plugins)?;
    let benchmark = wire::benchmark(&args.suite, &host, args.data.as_deref(), &[], None, args.seed)?;
    let progress =
        Progress::new(global.quiet, &benchmark.label, benchmark.task_ids(&harness_bench::Selection::All)?.len() as u64);
    let checked = check(&benchmark, args.seed, || {
        progress.add(1);
        ControlFlow::Continue(())
    })?;
    drop(progress);
    if global.json {
        output::json(&checked.json(&args.suite, &benchmark))?;
    } else {
        print(&checked, &benchmark)?;
    }
    if checked.audit.is_broken() {
        return Err(Failure::new(format!("numbers of {} would be wrong", benchmark.label))
            .hint("mend the tasks above, or the grader in suite.toml"));
    }
    Ok(())
}

fn print(checked: &Checked, benchmark: &Benchmark) -> Result<(), Failure> {
    let Checked { audit, power, warnings, folds } = checked;
    let split = benchmark.split();
    output::line(format_args!("{}: {} tasks", benchmark.label, audit.tasks))?;
    output::line(format_args!(
        "groups: {} to explore, {} to judge on, {} sealed",
        split.explore.len(),
        folded(folds),
        split.sealed.len()
    ))?;
    output::line(format_args!("known answers: {} of {} pass", audit.solved, audit.tasks - audit.unknown.len()))?;
    for (what, findings) in [("fails", &audit.unsolved), ("passes", &audit.empty), ("unknown", &audit.unknown)] {
        for line in shown(what, findings) {
            output::line(line)?;
        }
    }
    let shares: Vec<String> =
        power.shares.iter().map(|(points, share)| format!("{points} points {:.0} %", share * 100.0)).collect();
    output::line(format_args!(
        "chance that a first edit is proven, by what it gains (simulated): {}",
        shares.join(", ")
    ))?;
    for warning in warnings {
        output::line(format_args!("warning: {warning}"))?;
    }
    if !audit.is_broken() && warnings.is_empty() {
        output::line("nothing is wrong with it")?;
    }
    Ok(())
}

/// Groups of each fold, or 0 where there is none.
pub fn folded(folds: &[usize]) -> String {
    let counts: Vec<String> = folds.iter().map(ToString::to_string).collect();
    if counts.is_empty() { "0".to_owned() } else { counts.join(" + ") }
}

/// Findings shown of a kind; the others are counted.
const SHOWN: usize = 5;

fn shown(what: &str, findings: &[Finding]) -> Vec<String> {
    let mut lines: Vec<String> =
        findings.iter().take(SHOWN).map(|one| format!("  {what}: {}: {}", one.task, one.why)).collect();
    if findings.len() > SHOWN {
        lines.push(format!("  and {} more", findings.len() - SHOWN));
    }
    lines
}

/// What a person should know before believing a number.
fn warnings(audit: &Audit, benchmark: &Benchmark, power: &[(u32, f64)]) -> Vec<String> {
    let mut all = Vec::new();
    if !audit.unknown.is_empty() {
        all.push(format!("{} tasks have no known answer to play; their grader is not checked", audit.unknown.len()));
    }
    if !audit.idle.is_empty() {
        all.push(format!(
            "{} tasks are passed by doing nothing, as they should: they call for no call",
            audit.idle.len()
        ));
    }
    if !audit.echo.is_empty() {
        let first = audit.echo.first().map(|one| one.task.as_str()).unwrap_or_default();
        all.push(format!(
            "the question said back passes {} tasks, {first} first: the answer stands in it",
            audit.echo.len()
        ));
    }
    if let Some((reply, passed)) = audit.constant.as_ref().filter(|(_, passed)| passed * 4 >= audit.tasks.max(4)) {
        let share = 100 * passed / audit.tasks.max(1);
        all.push(format!(
            "the one reply {reply:?} to everything passes {share} % of the tasks; a gain counts from there"
        ));
    }
    for spelling in &audit.spellings {
        if let Some(first) = spelling.failed.first() {
            all.push(format!(
                "{} of {} known answers fail {}, {} first: the grader tells apart what people read as the same",
                spelling.failed.len(),
                spelling.played,
                spelling.name,
                first.task
            ));
        }
    }
    if let Some((one, other)) = audit.twins.first() {
        all.push(format!(
            "{} questions are asked twice in different groups, {one} and {other} first: give them one `group`",
            audit.twins.len()
        ));
    }
    let largest = power.iter().find(|(points, _)| *points == 40).map_or(0.0, |(_, share)| *share);
    if largest < 0.5 {
        all.push(format!(
            "too few tasks: even an edit that gains 40 points is proven in {:.0} % of runs only",
            100.0 * largest
        ));
    }
    if benchmark.split().sealed.len() < 20 {
        all.push(format!("{} sealed groups: the interval of the result will be wide", benchmark.split().sealed.len()));
    }
    all
}
