//! `harness plugin check`: the conformance suite over every module of a pack, and a verdict a person can read.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::{
        bounds::Seconds,
        pack::{Check, CheckRequest, CheckResult, ConformanceReport, check},
    },
};

use crate::cli::{Global, output, progress::shown};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin check target/release/libmy_pack.so
  harness plugin check libmy_pack.so --set my_model.path=weights.bin --episodes 1000
  harness plugin check libmy_pack.so --json

Every module is put through what its kind must do: every hook and its contract, wrong input and wrong configuration, cancellation,
deadlines, the same again with the same seed, nothing carried from episode to episode, memory after many episodes.
Exit codes: 0 everything holds, 1 something does not, 2 no pack.")]
pub struct CheckArgs {
    /// The pack
    #[arg(value_name = "FILE.so")]
    file: PathBuf,
    /// Configure a module for the check, e.g. what it needs to start
    #[arg(long, value_name = "MODULE.KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Episodes after which memory must not have grown
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    episodes: u32,
    /// Most seconds a module's episodes get
    #[arg(long, value_name = "N", default_value_t = Seconds::nearest(60))]
    seconds: Seconds,
}

/// Checks the pack.
pub fn run(app: &App, global: &Global, args: CheckArgs) -> Result<(), Failure> {
    let request = CheckRequest { file: args.file, set: args.set, episodes: args.episodes, seconds: args.seconds };
    let checked = shown(global, |control| check(app, &request, control))?;
    let verdicts = &checked.modules;
    if global.json {
        output::json(&checked)?;
    } else {
        for (verdict, module) in verdicts.iter().zip(&checked.lines) {
            output::line(text(verdict, &module.kind_and_role()))?;
        }
    }
    let (bad, checks) = (count(verdicts, |mark| matches!(mark, CheckResult::Failed(_))), count(verdicts, |_| true));
    let left_out = count(verdicts, |mark| matches!(mark, CheckResult::LeftOut(_)));
    if bad > 0 {
        return Err(Failure::new(format!("{bad} of {checks} checks failed")));
    }
    let modules = verdicts.len();
    if modules == 0 {
        return Err(Failure::input(format!("{} has no modules to check", checked.file.display())));
    }
    if !global.json {
        let rest = if left_out > 0 { format!(", {left_out} left out") } else { String::new() };
        output::line(format_args!("{modules} of {modules} modules conform: {} checks hold{rest}", checks - left_out))?;
    }
    Ok(())
}

fn count(verdicts: &[ConformanceReport], which: impl Fn(&CheckResult) -> bool) -> usize {
    verdicts.iter().flat_map(|verdict| &verdict.checks).filter(|check| which(&check.result)).count()
}

fn text(verdict: &ConformanceReport, kind: &str) -> String {
    let lines: Vec<String> = verdict.checks.iter().map(line).collect();
    format!("{} — {kind}\n{}", verdict.module, lines.join("\n"))
}

fn line(check: &Check) -> String {
    let (word, detail) = match &check.result {
        CheckResult::Passed(detail) => ("ok", detail),
        CheckResult::Failed(detail) => ("FAILED", detail),
        CheckResult::LeftOut(detail) => ("left out", detail),
    };
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    format!("  {word:<8}  {}{detail}", check.name)
}
