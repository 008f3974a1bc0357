//! How often a harness succeeds on the tasks of a suite.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Instant};

use harness_bench::{Benchmark, Player, Runner, Selection, Suite, Summary, looks};
pub use harness_bench::{Split, looks::Looks};
use harness_core::{Clock, SystemClock};
use harness_host::Host;
use harness_spec::Pool;
use harness_trace::{EpisodeResult, Rollout, RunKind, RunRecord, Store};
use serde::Serialize;
use serde_json::json;

use super::{
    App, BenchmarkRequest, benchmark::environments, bounds::AtOnce, folder_trust::Asking, hosts, identity, models,
};
use crate::{
    Control, Event, Failure,
    lock::{self, Held, Patience},
};

/// Which tasks, and who plays them.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BenchRequest {
    /// The suite, its data and its settings; the seed is that of splits, episodes and intervals.
    pub benchmark: BenchmarkRequest,
    /// The harness: a file, or the name of one of the suite's own (`initial`, `naive`, `rules`).
    pub harness: String,
    /// The model that plays, by a name of [`model_named`](super::model_named); `oracle` plays the known solutions, `rules` the suite's
    /// rules without a model. Without one the harness's own plays, and without either `smollm2`.
    pub model: Option<String>,
    /// Which tasks: `explore`, `gate`, `sealed`, `all`, or a split that the data names.
    pub split: String,
    /// At most so many tasks.
    pub limit: Option<usize>,
    /// Episodes at a time.
    pub concurrency: AtOnce,
    /// Whether, where another process works on the same question, this one waits for it to end.
    pub wait: bool,
}

impl BenchRequest {
    /// The initial harness of a suite on its explore tasks, four episodes at a time.
    pub fn new(suite: impl Into<String>) -> Self {
        Self {
            benchmark: BenchmarkRequest::new(suite),
            harness: "initial".to_owned(),
            model: None,
            split: "explore".to_owned(),
            limit: None,
            concurrency: AtOnce::nearest(4),
            wait: false,
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The suite, as it was asked for.
    pub suite: String,
    /// What was played in truth: whose data.
    pub label: String,
    /// Which tasks.
    pub split: String,
    /// Who played, in a word or two.
    pub model: String,
    /// The harness, as it was asked for.
    pub harness: String,
    /// Whether a stand-in for a language model played.
    pub simulated: bool,
    /// The run.
    pub run: String,
    /// Seed of splits, episodes and intervals.
    pub seed: u64,
    /// How many groups of each split were looked at that is to be seen rarely.
    pub looked: BTreeMap<Split, usize>,
    /// Looks at such groups before this run.
    pub looks_before: Looks,
    /// Why an episode could not be measured, where one could not: the numbers leave it out, and the same request plays it again.
    #[serde(skip)]
    pub unmeasured: Option<String>,
    /// Seconds it took.
    pub wall_seconds: f64,
    /// Steps played now, a second.
    pub steps_per_second: f64,
    /// The numbers.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Plays the tasks. The same request goes on with a run that did not end.
///
/// # Errors
///
/// The suite or the harness cannot be used, it was cancelled, or the record fails.
pub fn bench(app: &App, request: &BenchRequest, control: &Control) -> Result<Measured, Failure> {
    let host = Arc::new(app.host()?);
    let mut asking = Asking::new(app, &host);
    let suite = app.suite(&request.benchmark, &mut asking)?;
    let (split, seed) = (&request.split, request.benchmark.seed);
    let player = player(app, &suite, &host, request, &mut asking)?;
    asking.allowed()?;
    let benchmark = Arc::new(app.open_suite(&request.benchmark, suite, &host)?);
    let mut tasks = benchmark.task_ids(&Selection::from(&**split))?;
    tasks.truncate(request.limit.unwrap_or(usize::MAX));
    let jobs: Vec<Rollout> = tasks.into_iter().map(|task| Rollout { task, seed }).collect();

    let store = app.record()?;
    let (run, _held) = begin(app, &store, &benchmark, &player, &host, request, control)?;
    let before = looks::before(&store, &benchmark, &run)?;
    let cancel = control.cancel.clone();
    let runner =
        Runner::new(benchmark.clone(), host, store.clone(), &run, &app.command, request.concurrency.get(), cancel)?;
    let mut simulated = player == Player::Oracle;
    for harness in pool(&player).into_iter().flat_map(|pool| pool.variants.values()) {
        simulated |= runner.agent(harness)?.is_simulated();
    }
    control.tell(&Event::Started { what: format!("{} {split}", benchmark.label), total: jobs.len() as u64 });
    let began = Instant::now();
    let done = |_: &EpisodeResult| control.tell(&Event::Advanced { by: 1 });
    let scored = app.runtime()?.block_on(runner.play(&player, &jobs, ATTEMPTS, done))?;
    let wall = began.elapsed().as_secs_f64();
    store.flush()?;
    let summary = Summary::of(&scored, seed);
    if summary.is_whole() {
        store.put_fact(&run, "bench_done", "", &true)?;
    }

    let played: u64 = scored.iter().filter(|row| !row.remembered).map(|row| row.steps).sum();
    Ok(Measured {
        suite: request.benchmark.suite.clone(),
        label: benchmark.label.clone(),
        split: split.clone(),
        model: named(request.model.as_deref(), pool(&player)),
        harness: request.harness.clone(),
        simulated,
        run,
        seed,
        wall_seconds: wall,
        steps_per_second: played as f64 / wall.max(f64::MIN_POSITIVE),
        looked: runner.looked(),
        looks_before: before,
        unmeasured: scored.iter().find(|row| !row.is_measured()).map(|row| row.reason.clone()),
        summary,
    })
}

/// How often an episode that infrastructure ends is begun before it is given up: as in an evolution.
pub(super) const ATTEMPTS: u32 = 3;

pub(super) fn pool(player: &Player) -> Option<&Pool> {
    match player {
        Player::Pool(pool) => Some(pool),
        Player::Oracle => None,
    }
}

/// What the model is called where it is shown: as it was given, or the harness's own.
pub(super) fn named(given: Option<&str>, player: Option<&Pool>) -> String {
    let own = || player?.variants.values().find_map(|harness| harness.models.get("main"));
    given.map(str::to_owned).or_else(|| Some(models::short_name(own()?))).unwrap_or_default()
}

/// Who plays.
pub(super) fn player(
    app: &App,
    suite: &Suite,
    host: &Host,
    request: &BenchRequest,
    asking: &mut Asking<'_>,
) -> Result<Player, Failure> {
    // Rules are a harness of their own, which any player can serve.
    let (harness, model) = match request.model.as_deref() {
        Some("oracle") => return Ok(Player::Oracle),
        Some("rules") => ("rules", Some("first")),
        other => (&*request.harness, other),
    };
    let (mut pool, file) = match suite.pool(harness) {
        Some(pool) => (pool, suite.file.as_deref()),
        None => (hosts::pool_file(Path::new(harness))?, Some(Path::new(harness))),
    };
    if let Some(model) = model {
        asking.word(&models::model_named(app.workspace(), model)?);
    }
    for harness in pool.variants.values_mut() {
        let model = models::main_model(app.workspace(), model, harness)?;
        harness.models.insert("main".to_owned(), model);
    }
    pool.check(host.catalogue()).map_err(Failure::input)?;
    asking.pool(file, &pool);
    Ok(Player::Pool(pool))
}

/// The run this request continues: the newest of the same question that did not end, or a new one.
pub(super) fn begin(
    app: &App,
    store: &Store,
    benchmark: &Benchmark,
    player: &Player,
    host: &Host,
    request: &BenchRequest,
    control: &Control,
) -> Result<(String, Held), Failure> {
    let harness = match pool(player) {
        Some(pool) => pool.id(host.catalogue()).to_string(),
        None => "oracle".to_owned(),
    };
    let installed = app.installed(host);
    let seed = request.benchmark.seed;
    let question = json!({
        "environment": environments(benchmark), "label": benchmark.label, "harness": harness, "split": request.split,
        "seed": seed, "installed": installed,
    });
    let name = identity::of_question("bench", &question.to_string());
    let held = lock::hold(app, &name, &format!("the run {name}"), Patience::of(request.wait), control)?;
    for serial in 1_u32.. {
        let run = format!("{name}-{serial}");
        if store.fact(&run, "bench_done", "")?.is_some() {
            continue;
        }
        store.begin_run(RunRecord {
            id: run.clone(),
            kind: RunKind::Bench,
            of: String::new(),
            command: app.command.clone(),
            started_ms: SystemClock.unix_millis(),
            suite: benchmark.suite.name.clone(),
            seed,
            config: question,
            lock: installed,
        })?;
        return Ok((run, held));
    }
    Err(Failure::new("no number is left for a new run"))
}
