//! `harness suite stats`: what is in a suite.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::{
        BenchmarkRequest,
        suite::{Counts, Stats, stats},
    },
};

use super::check::split;
use crate::cli::{Global, output, progress::shown};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite stats tickets
  harness suite stats functions --data bfcl --json | jq '.kinds'")]
pub struct StatsArgs {
    /// The suite: a folder with a suite.toml, or everyday, functions, household, menus, mixed
    suite: String,
    /// Other data than the suite's own
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Seed of the splits
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Kinds and answers shown; the others are counted.
const SHOWN: usize = 8;

/// Counts the suite.
pub fn run(app: &App, global: &Global, args: StatsArgs) -> Result<(), Failure> {
    let request =
        BenchmarkRequest { suite: args.suite, data: args.data, seed: args.seed, ..BenchmarkRequest::default() };
    let stats = shown(global, |control| stats(app, &request, control))?;
    if global.json { output::json(&stats) } else { output::line(text(&stats)) }
}

fn text(stats: &Stats) -> String {
    let Stats { label, tasks, groups, largest_group, prompt_characters: (least, median, most), .. } = stats;
    let mut lines = vec![
        format!("{label}: {tasks} tasks in {groups} groups, the largest of {largest_group}"),
        format!("marked by: {}", stats.graders.join(", ")),
        split(&stats.split),
        format!("prompts: {least} to {most} characters, the median {median}"),
        format!("kinds: {}", line(&stats.kinds)),
    ];
    // Where every answer is another, or none is known, counting them says nothing.
    let Counts(answers) = &stats.answers;
    if answers.len() < *tasks && answers.iter().any(|(answer, _)| !answer.is_empty()) {
        lines.push(format!("answers: {}", line(&stats.answers)));
    }
    lines.join("\n")
}

fn line(Counts(counts): &Counts) -> String {
    let shown = counts.iter().take(SHOWN).map(|(value, count)| {
        let short: String = value.chars().take(40).collect();
        format!("{} {count}", if short.is_empty() { "(none)" } else { &short })
    });
    let mut line = shown.collect::<Vec<_>>().join(", ");
    if counts.len() > SHOWN {
        line += &format!(", and {} others", counts.len() - SHOWN);
    }
    line
}
