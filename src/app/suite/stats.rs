//! What is in a suite: how many tasks, of what kinds, how long, how they are split. Asks no model.

use std::collections::BTreeMap;

use harness_bench::{Benchmark, Selection};
use serde::Serialize;

use super::{
    super::{App, BenchmarkRequest},
    Groups,
};
use crate::{Control, Failure};

/// What was counted.
#[derive(Debug, Clone, Serialize)]
pub struct Stats {
    /// The suite, as it was asked for.
    pub suite: String,
    /// What was counted in truth: whose data.
    pub label: String,
    /// Tasks.
    pub tasks: usize,
    /// Groups of tasks.
    pub groups: usize,
    /// Tasks of the largest group.
    pub largest_group: usize,
    /// Kinds of tasks.
    pub kinds: Counts,
    /// Least, median and most characters of a prompt.
    pub prompt_characters: (usize, usize, usize),
    /// Right answers.
    pub answers: Counts,
    /// Groups of tasks in each split.
    pub split: Groups,
    /// Who marks, and who marks beside that.
    pub graders: Vec<String>,
}

/// How often something occurs, the most frequent first.
#[derive(Debug, Clone, Serialize)]
pub struct Counts(pub Vec<(String, usize)>);

impl Counts {
    fn of(values: impl Iterator<Item = String>) -> Self {
        let mut counts = BTreeMap::<String, usize>::new();
        values.for_each(|value| *counts.entry(value).or_default() += 1);
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self(counts)
    }
}

/// Least, median and most.
fn range(mut values: Vec<usize>) -> (usize, usize, usize) {
    values.sort_unstable();
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

/// Counts the suite; the seed is that of the splits.
///
/// # Errors
///
/// The suite cannot be used, or it was cancelled.
pub fn stats(app: &App, request: &BenchmarkRequest, control: &Control) -> Result<Stats, Failure> {
    let host = app.host()?;
    let benchmark = app.benchmark(request, &host)?;
    control.check()?;
    let ids = benchmark.task_ids(&Selection::All)?;
    let tasks = ids.iter().map(|id| benchmark.task(id).map(|(task, _)| task)).collect::<Result<Vec<_>, _>>()?;
    let groups = Counts::of(ids.iter().map(|id| benchmark.group(id).to_owned()));
    Ok(Stats {
        suite: request.suite.clone(),
        label: benchmark.label.clone(),
        tasks: tasks.len(),
        groups: groups.0.len(),
        largest_group: groups.0.first().map_or(0, |(_, count)| *count),
        kinds: Counts::of(tasks.iter().map(|task| task.kind.clone())),
        prompt_characters: range(tasks.iter().map(|task| task.prompt.chars().count()).collect()),
        answers: Counts::of(tasks.iter().map(|task| match &task.gold["answer"] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        })),
        split: Groups::of(&benchmark),
        graders: graders(&benchmark),
    })
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
