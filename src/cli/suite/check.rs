//! `harness suite check`: does a suite measure what it should, and what can its size prove?

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::{
        BenchmarkRequest,
        suite::{Checked, Finding, Groups, check},
    },
};

use crate::cli::{Global, output, progress::watched};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite check tickets
  harness suite check functions --data bfcl
  harness suite check tickets --json | jq '.audit.unsolved'

Ends with exit code 1 if numbers of the suite would be wrong: a known answer fails, or silence passes.")]
pub struct CheckArgs {
    /// The suite: a folder with a suite.toml, or everyday, functions, household, menus, mixed
    suite: String,
    /// Other data than the suite's own
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Seed of the splits
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Checks the suite.
pub fn run(app: &App, global: &Global, args: CheckArgs) -> Result<(), Failure> {
    let request =
        BenchmarkRequest { suite: args.suite, data: args.data, seed: args.seed, ..BenchmarkRequest::default() };
    let checked = watched(global, |control| check(app, &request, control))?;
    if global.json {
        output::json(&checked)?;
    } else {
        print(&checked)?;
    }
    if checked.broken {
        return Err(Failure::new(format!("numbers of {} would be wrong", checked.label))
            .hint("mend the tasks above, or the grader in suite.toml"));
    }
    Ok(())
}

fn print(checked: &Checked) -> Result<(), Failure> {
    let Checked { audit, power, warnings, groups, label, .. } = checked;
    output::line(format_args!("{label}: {} tasks", audit.tasks))?;
    output::line(split(groups))?;
    output::line(format_args!("known answers: {} of {} pass", audit.solved, audit.tasks - audit.unknown.len()))?;
    for (what, findings) in [("fails", &audit.unsolved), ("passes", &audit.empty), ("unknown", &audit.unknown)] {
        for line in shown(what, findings) {
            output::line(line)?;
        }
    }
    if !audit.rules.is_empty() {
        output::line("rules without a model, beside chance (%):")?;
        for rule in &audit.rules {
            let (share, chance) = (100.0 * rule.share(), 100.0 * rule.chance_share());
            output::line(format_args!(
                "  {:<10} {share:>5.1}  {chance:>5.1}  {}, {} tasks",
                rule.rule, rule.about, rule.tasks
            ))?;
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
    if !checked.broken && warnings.is_empty() {
        output::line("nothing is wrong with it")?;
    }
    Ok(())
}

/// How many groups each split has.
pub(super) fn split(groups: &Groups) -> String {
    format!("groups: {} to explore, {} to judge on, {} sealed", groups.explore, groups.gate, groups.sealed)
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
