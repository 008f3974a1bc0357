//! `harness suite stats`: what is in a suite: how many tasks, of what kinds, how long, how they are split. Asks no model.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use harness_bench::Benchmark;
use serde::Serialize;
use serde_json::json;

use crate::{cmd::Global, failure::Failure, output, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite stats tickets
  harness suite stats functions --data bfcl --json | jq '.kinds'")]
pub struct StatsArgs {
    /// The suite: a folder with a suite.toml, or functions, household, menus, mixed
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

/// How often something occurs, the most frequent first.
#[derive(Debug, Serialize)]
struct Counts(Vec<(String, usize)>);

impl Counts {
    fn of(values: impl Iterator<Item = String>) -> Self {
        let mut counts = BTreeMap::<String, usize>::new();
        values.for_each(|value| *counts.entry(value).or_default() += 1);
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self(counts)
    }

    fn line(&self) -> String {
        let shown = self.0.iter().take(SHOWN).map(|(value, count)| {
            let short: String = value.chars().take(40).collect();
            format!("{} {count}", if short.is_empty() { "(none)" } else { &short })
        });
        let mut line = shown.collect::<Vec<_>>().join(", ");
        if self.0.len() > SHOWN {
            line += &format!(", and {} others", self.0.len() - SHOWN);
        }
        line
    }
}

/// Least, median and most.
fn range(mut values: Vec<usize>) -> (usize, usize, usize) {
    values.sort_unstable();
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

/// Counts the suite.
pub fn run(global: &Global, args: &StatsArgs) -> Result<(), Failure> {
    let host = wire::host(&global.plugins)?;
    let benchmark = wire::benchmark(&args.suite, &host, args.data.as_deref(), &[], None, args.seed)?;
    let ids = benchmark.task_ids(&harness_bench::Selection::All)?;
    let tasks = ids.iter().map(|id| benchmark.task(id).map(|(task, _)| task)).collect::<Result<Vec<_>, _>>()?;
    let kinds = Counts::of(tasks.iter().map(|task| task.kind.clone()));
    let answers = Counts::of(tasks.iter().map(|task| match &task.gold["answer"] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }));
    let groups = Counts::of(ids.iter().map(|id| benchmark.group(id).to_owned()));
    let prompt = range(tasks.iter().map(|task| task.prompt.chars().count()).collect());
    let largest = groups.0.first().map_or(0, |(_, count)| *count);
    let split = benchmark.split();
    let folds: Vec<usize> = split.folds.iter().map(Vec::len).collect();
    if global.json {
        return output::json(&json!({
            "suite": args.suite, "label": benchmark.label, "tasks": tasks.len(), "groups": groups.0.len(),
            "largest_group": largest, "kinds": kinds, "prompt_characters": prompt, "answers": answers,
            "split": {"explore": split.explore.len(), "gate": folds, "sealed": split.sealed.len()},
            "graders": graders(&benchmark),
        }));
    }
    let gate = super::check::folded(&folds);
    let mut lines = vec![
        format!("{}: {} tasks in {} groups, the largest of {largest}", benchmark.label, tasks.len(), groups.0.len()),
        format!("marked by: {}", graders(&benchmark).join(", ")),
        format!("groups: {} to explore, {gate} to judge on, {} sealed", split.explore.len(), split.sealed.len()),
        format!("prompts: {} to {} characters, the median {}", prompt.0, prompt.2, prompt.1),
        format!("kinds: {}", kinds.line()),
    ];
    // Where every answer is another, or none is known, counting them says nothing.
    if answers.0.len() < tasks.len() && answers.0.iter().any(|(answer, _)| !answer.is_empty()) {
        lines.push(format!("answers: {}", answers.line()));
    }
    output::line(lines.join("\n"))
}

fn graders(benchmark: &Benchmark) -> Vec<String> {
    let graded = |marker: &harness_bench::GraderSpec| match marker {
        harness_bench::GraderSpec::Module(module) => module.module.to_string(),
        harness_bench::GraderSpec::Model(grader) => format!("a model, {}", grader.model.module),
    };
    let parts = benchmark.suite.parts.iter();
    parts
        .flat_map(|part| {
            std::iter::once(graded(&part.grader))
                .chain(part.also.iter().map(|also| format!("{} beside it", also.module)))
        })
        .collect()
}
