//! Improving a suite's harness by evidence: evolves, measures what came of it, writes the report.

mod approve;
mod arms;
mod evaluator;
mod meta;
mod plan;
mod session;
mod verify;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use harness_bench::{Benchmark, looks};
use harness_core::{Clock, SystemClock};
use harness_evolve::{
    DECISIONS, Evolution, EvolveConfig, Extent, Measurement,
    report::{self, Report},
};
use harness_host::Host;
use harness_spec::{Cell, Harness, ModelSpec};
use harness_trace::{Filter, RunKind, RunRecord, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use harness_evolve::{Phase, Request as PendingEdit, Stop, Verification};

pub use self::approve::{Answered, ApproveRequest, approve};
pub use self::plan::{FirstRound, Plan, Timed, plan};
use self::session::Session;
pub use self::verify::{Verified, VerifiedRun, VerifyRequest, verify};
use super::{
    App, BenchmarkRequest,
    benchmark::environments,
    bounds::{AtOnce, Minutes},
    folder_trust::Asking,
    hosts, models,
};
use crate::{
    Control, Event, Failure,
    lock::{self, Patience},
};

/// Share of the time for evolving; the others are in `session.rs`.
const EVOLVE_SHARE: f64 = 0.45;

/// What is evolved, with what means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvolveRequest {
    /// The suite, its data and its settings; the seed is that of splits, orders and episodes.
    pub benchmark: BenchmarkRequest,
    /// The model that plays, which stays as it is, by a name of [`model_named`](super::model_named). Without one that of the harness,
    /// and without either `smollm2`.
    pub model: Option<String>,
    /// A model that the stages ask (role `meta`). Without one that of the harness; without either no stage needs a model.
    pub meta: Option<String>,
    /// The harness file to begin with in place of the suite's own.
    pub harness: Option<PathBuf>,
    /// Most minutes for everything.
    pub minutes: Option<Minutes>,
    /// Most rollouts of the evolution itself.
    pub rollouts: Option<u64>,
    /// Groups of each arm that are measured on sealed tasks; 0: all.
    pub sealed: Option<usize>,
    /// What a candidate may ship for: `success`, `cost`, `latency`.
    pub objective: Option<String>,
    /// `off` or `strict`.
    pub seesaw: Option<String>,
    /// Settings of the evolution in place of the suite's, by the names of [`EvolveConfig`].
    pub settings: Map<String, Value>,
    /// Whether a proven edit waits for a person.
    pub approve: bool,
    /// Where the report and the final harness are written; by default a folder of the run below the workspace's reports.
    pub out: Option<PathBuf>,
    /// Episodes at a time; by default as the setting `concurrency` says. Decides how long it takes and nothing else.
    pub concurrency: Option<AtOnce>,
    /// Whether, where another process works on the same run, this one waits for it to end.
    pub wait: bool,
}

impl EvolveRequest {
    /// A suite as it says itself, without any bound.
    pub fn new(suite: impl Into<String>) -> Self {
        Self {
            benchmark: BenchmarkRequest::new(suite),
            model: None,
            meta: None,
            harness: None,
            minutes: None,
            rollouts: None,
            sealed: None,
            objective: None,
            seesaw: None,
            settings: Map::new(),
            approve: false,
            out: None,
            concurrency: None,
            wait: false,
        }
    }
}

/// What came of an evolution.
#[derive(Debug, Clone)]
pub struct Evolved {
    /// The run.
    pub run: String,
    /// What was found.
    pub report: Report,
    /// The folder it was written to: `report.html`, `report.txt`, `report.json`, `scores.jsonl`, `harness.toml`,
    /// `evolution.json`.
    pub out: PathBuf,
    /// Why it is not at its end; the same request continues.
    pub paused: Option<Stop>,
}

/// Evolves and measures, until it is over or cancelled; writes the report. The same request goes on with a run that did not end.
///
/// # Errors
///
/// The suite, a model or a setting cannot be used, or the record fails. A run that stopped before its end is a result: see
/// [`Evolved::paused`].
pub fn evolve(app: &App, request: &EvolveRequest, control: &Control) -> Result<Evolved, Failure> {
    let began = Instant::now();
    let mut host = Arc::new(app.host()?);
    let mut asking = Asking::new(app, &host);
    let suite = app.suite(&request.benchmark, &mut asking)?;
    let (mut initial, file) = match &request.harness {
        Some(path) => (hosts::harness_file(path)?, Some(path.clone())),
        None => (suite.harnesses.get("initial").cloned().unwrap_or_default(), suite.file.clone()),
    };
    let named =
        |name: &Option<String>| name.as_deref().map(|name| models::model_named(app.workspace(), name)).transpose();
    named(&request.model)?.iter().chain(&named(&request.meta)?).for_each(|model| asking.word(model));
    let model = models::main_model(app.workspace(), request.model.as_deref(), &initial)?;
    initial.models.insert("main".to_owned(), model.clone());
    // The stages' model is no part of what is evolved.
    let meta = initial.models.remove("meta");
    let meta = named(&request.meta)?.or(meta);
    let initial = initial;
    asking.harness(file.as_deref(), &initial);
    let stages = meta.iter().map(|meta| ("meta".to_owned(), meta.clone()));
    asking.harness(file.as_deref(), &Harness { models: stages.collect(), ..Harness::default() });
    // The report compares with the suite's other harnesses, and any pack that is installed may come to be proposed.
    let mut others = suite.clone();
    let parts = others.parts.iter_mut().flat_map(|part| part.harnesses.values_mut());
    // They are played by the model of the run.
    others.harnesses.values_mut().chain(parts).for_each(|harness| drop(harness.models.remove("main")));
    asking.suite_harnesses(&others);
    asking.installed();
    asking.allowed()?;
    let open = |host: &Arc<Host>| app.open_suite(&request.benchmark, suite.clone(), host).map(Arc::new);
    let mut benchmark = open(&host)?;

    let store = app.record()?;
    let (mut config, question) = settings(app, request, &benchmark, &host, &initial, meta.as_ref())?;
    if let Some(begun) = begun_before(app, &store, &config, &question, &host)? {
        // Packs came since it began: it continues with those it began with, and finds the others where it found them.
        host = Arc::new(app.host_as_of(&begun.lock)?);
        benchmark = open(&host)?;
        config.run = begun.id;
    }
    let what = format!("the run {}", config.run);
    let _held = lock::hold(app, &config.run, &what, Patience::of(request.wait), control)?;
    let looks = looks::before(&store, &benchmark, &config.run)?;
    store.begin_run(RunRecord {
        id: config.run.clone(),
        kind: RunKind::Evolve,
        of: String::new(),
        command: app.command.clone(),
        started_ms: SystemClock.unix_millis(),
        suite: benchmark.suite.name.clone(),
        seed: request.benchmark.seed,
        config: json!({
            "evolve": config, "environment": environments(&benchmark), "label": benchmark.label, "question": question,
        }),
        lock: app.installed(&host),
    })?;
    control.tell(&Event::Decided { text: plan::outlook(&config, &benchmark)? });
    let sealed = request.sealed.unwrap_or(benchmark.suite.evolve.sealed);
    let session = Session {
        app,
        benchmark,
        host,
        store,
        meta,
        control,
        concurrency: request.concurrency.map(AtOnce::get),
        minutes: request.minutes.map(Minutes::get),
        began,
    };
    let (evolution, generic, measurement) =
        app.runtime()?.block_on(session.work(&config, &initial, &model, extent(sealed)))?;
    session.store.flush()?;

    let simulated = session.runner(&config)?.agent(&initial)?.is_simulated();
    let context = report::Context {
        label: session.benchmark.label.clone(),
        simulated,
        model: request.model.clone().unwrap_or_else(|| models::short_name(&model)),
        looks,
        calls: Some(calls(&session.store, &config.run)?),
        wall_seconds: began.elapsed().as_secs_f64(),
        extent: extent(sealed),
        gate_tasks: gate_tasks(&session.benchmark, &evolution),
    };
    let report = report::build(&evolution, generic.as_ref(), &measurement, session.benchmark.split(), context);
    let report = report.map_err(Failure::new)?;
    let out = request.out.clone().unwrap_or_else(|| app.workspace().reports().join(&config.run));
    write(&out, &report, &evolution, &measurement)?;
    let mut shipped = Asking::new(app, &session.host);
    shipped.pool(Some(&out.join("harness.toml")), &evolution.pool);
    shipped.born()?;
    let cut_short = measurement.cut_short.filter(|stop| stop.continues());
    let paused = cut_short.or(Some(evolution.ended).filter(|stop| stop.continues()));
    Ok(Evolved { run: config.run, report, out, paused })
}

/// Gate tasks of each part of the population that rounds were about.
fn gate_tasks(benchmark: &Benchmark, evolution: &Evolution) -> BTreeMap<Cell, usize> {
    let groups = benchmark.split().gate.clone();
    let tasks: Vec<String> = benchmark.planned(&groups).into_iter().flat_map(|planned| planned.tasks).collect();
    let within = |cell: &Cell| tasks.iter().filter(|task| cell.holds(&benchmark.features(task))).count();
    evolution.rounds.iter().map(|round| (round.cell.clone(), within(&round.cell))).collect()
}

/// Half as many groups of the splits that were worked on: their numbers are shown, not believed.
fn extent(sealed: usize) -> Extent {
    Extent { explore: sealed.div_ceil(2), gate: sealed.div_ceil(2), sealed }
}

/// A run of the same question that has not ended and that began when less was installed than now, but nothing else.
fn begun_before(
    app: &App,
    store: &Store,
    config: &EvolveConfig,
    question: &str,
    host: &Host,
) -> Result<Option<RunRecord>, Failure> {
    let installed = app.installed(host);
    for run in store.runs()?.into_iter().rev().filter(|run| run.config["question"] == question) {
        if run.id == config.run {
            return Ok(None);
        }
        let there = |packs: &Map<String, Value>| packs.iter().all(|(pack, sha)| installed[pack] == *sha);
        let ended = || -> Result<bool, Failure> {
            Ok(store.facts(&run.id, DECISIONS)?.iter().any(|fact| fact.key.ends_with(" ended")))
        };
        if run.lock.as_object().is_some_and(there) && !ended()? {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// The settings of this run: the suite's, then those of the command line, and what is asked. The id names the question
/// and what is installed, so that the same command continues and another begins anew.
fn settings(
    app: &App,
    request: &EvolveRequest,
    benchmark: &Benchmark,
    host: &Host,
    initial: &Harness,
    meta: Option<&ModelSpec>,
) -> Result<(EvolveConfig, String), Failure> {
    let mut settings = benchmark.suite.evolve.settings.clone();
    settings.extend(request.settings.clone());
    for (key, value) in [("objective", &request.objective), ("seesaw", &request.seesaw)] {
        if let Some(value) = value {
            settings.insert(key.to_owned(), value.as_str().into());
        }
    }
    let mut config: EvolveConfig = serde_json::from_value(settings.into())
        .map_err(|error| Failure::input(format!("a setting of the evolution is wrong: {error}")))?;
    config.seed = request.benchmark.seed;
    config.approve |= request.approve;
    // In a mixed suite somebody has written a harness for each part: candidates may begin there.
    for part in benchmark.suite.parts.iter().filter(|_| benchmark.suite.is_mixed()) {
        let start = part.harnesses.get("initial").cloned().unwrap_or_default();
        config.starts.insert(part.name.clone(), start);
    }
    if let Some(rollouts) = request.rollouts {
        config.max_rollouts = Some(rollouts);
    }
    if let Some(minutes) = request.minutes {
        config.max_seconds = Some((minutes.get() * 60.0 * EVOLVE_SHARE) as u64);
    }
    let question = json!({
        "config": config, "meta": meta, "initial": initial.canonical(host.catalogue()), "label": benchmark.label,
        "environment": environments(benchmark),
    });
    let question = harness_bench::digest(&question.to_string(), 10);
    let id = harness_bench::digest(&format!("{question} {}", app.installed(host)), 10);
    config.run = format!("evolve-{}-{id}", benchmark.suite.name);
    Ok((config, question))
}

/// Model calls of a run, and those of them that were replayed.
fn calls(store: &Store, run: &str) -> Result<(u64, u64), Failure> {
    let filter = Filter { run: run.to_owned(), ..Filter::default() };
    let statistics = store.call_statistics(&filter)?;
    let (calls, replayed) = statistics.values().fold((0, 0), |(a, b), kind| (a + kind.calls, b + kind.replayed_calls));
    Ok((calls - replayed, replayed))
}

fn write(out: &Path, report: &Report, evolution: &Evolution, measurement: &Measurement) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("cannot write the report to {}: {error}", out.display()));
    let json = serde_json::to_string_pretty(report).map_err(Failure::new)?;
    let full = serde_json::to_string(evolution).map_err(Failure::new)?;
    let folder = harness_files::make_folders(out).map_err(fail)?;
    for (name, text) in [
        ("report.json", json),
        ("report.txt", report::render_terminal(report, false)),
        ("report.html", report::render_html(std::slice::from_ref(report))),
        ("harness.toml", report.final_toml.clone()),
        ("evolution.json", full),
        ("scores.jsonl", scores(measurement)),
    ] {
        folder.replace(Path::new(name), text.as_bytes(), harness_files::Access::Usual).map_err(fail)?;
    }
    Ok(())
}

/// Every score of every arm, a line each: enough to make the report's numbers again without this program.
fn scores(measurement: &Measurement) -> String {
    let mut lines = String::new();
    for arm in &measurement.arms {
        for (split, scores) in &arm.scores {
            for one in scores {
                let line = json!({
                    "arm": arm.name, "kind": arm.kind, "split": split, "group": one.group, "task": one.task, "seed": one.seed,
                    "score": one.outcome.score().map(|score| score.value()), "episode": one.episode,
                });
                lines += &line.to_string();
                lines.push('\n');
            }
        }
    }
    lines
}
