//! Does a suite measure what it should, and what can its size prove? Asks no model.

use std::ops::ControlFlow;

use harness_bench::{Audit, Benchmark, Selection};
use harness_evolve::{
    EvolveConfig,
    report::{self, Power},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{App, BenchmarkRequest},
    Groups,
};
use crate::{Control, Event, Failure};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// The suite, as it was asked for.
    pub suite: String,
    /// What was played in truth: whose data.
    pub label: String,
    /// Whether numbers of the suite would be wrong: a known answer fails, or silence passes.
    pub broken: bool,
    /// What a person should know before believing a number.
    pub warnings: Vec<String>,
    /// What known answers, silence, echoes and constants came to.
    pub audit: Audit,
    /// Groups of tasks in each split.
    pub groups: Groups,
    /// What a first edit can prove.
    pub power: Power,
}

/// Plays known answers, silence and constants on every task; the seed is that of the splits.
///
/// # Errors
///
/// The suite cannot be used, a world does not come up, or it was cancelled. A suite that is broken is a result.
pub fn check(app: &App, request: &BenchmarkRequest, control: &Control) -> Result<Checked, Failure> {
    let host = app.host()?;
    let benchmark = app.benchmark(request, &host)?;
    let tasks = benchmark.task_ids(&Selection::All)?.len() as u64;
    control.tell(&Event::Started { what: benchmark.label.clone(), total: tasks });
    let groups = Groups::of(&benchmark);
    let settings = Value::from(benchmark.suite.evolve.settings.clone());
    let config: EvolveConfig = serde_json::from_value(settings)
        .map_err(|error| Failure::input(format!("a setting of the evolution is wrong: {error}")))?;
    let config = EvolveConfig { seed: request.seed, ..config };
    let audited = harness_bench::audit(&benchmark, || {
        control.tell(&Event::Advanced { by: 1 });
        if control.cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    control.check()?;
    let audit = audited.map_err(|error| Failure::new(error.message))?;
    let power = report::first_duel(&config, groups.gate).map_err(Failure::new)?;
    let warnings = warnings(&audit, &benchmark, &power.shares);
    Ok(Checked {
        suite: request.suite.clone(),
        label: benchmark.label.clone(),
        broken: audit.is_broken(),
        warnings,
        audit,
        groups,
        power,
    })
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
    if let Some(first) = audit.ambiguous.first() {
        all.push(format!(
            "{} tasks have options of which not exactly one passes, {} first: {}",
            audit.ambiguous.len(),
            first.task,
            first.why
        ));
    }
    for rule in audit.rules.iter().filter(|rule| rule.is_above_chance()) {
        all.push(format!(
            "a rule without a model passes {:.1} %, {:.1} % are chance: {} ({}); balance the options, or a gain counts from there",
            100.0 * rule.share(),
            100.0 * rule.chance_share(),
            rule.rule,
            rule.about
        ));
    }
    if benchmark.suite.parts.iter().any(|part| part.splits.folds.is_some()) {
        all.push("`folds` in [splits] changes nothing: all gate groups are one stream; delete the line".to_owned());
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
