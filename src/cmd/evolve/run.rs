//! `harness evolve SUITE`: improves a suite's harness by evidence, measures what came of it, writes the report.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use clap::Args;
use harness_bench::{Benchmark, Runner, looks};
use harness_core::{Cancel, Clock, SystemClock};
use harness_evolve::{
    Arm, ArmKind, AuditCritic, DECISIONS, Deterministic, Evolution, EvolveConfig, Extent, Measurement, Stop, Stopwatch,
    TraceDigester, evolve, measure,
    meta::{MetaClient, MetaStages},
    report::{self, Report},
};
use harness_host::Host;
use harness_spec::{Cell, Harness, ModelSpec, Pool};
use harness_terminal::stream;
use harness_trace::{Filter, RunKind, RunRecord, Split, Store};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::{
    cmd::Global,
    evaluator::BenchmarkEvaluator,
    failure::Failure,
    lock::{self, Patience},
    meta::MetaModel,
    output,
    progress::Watcher,
    stop, wire,
};

/// Shares of the time: evolving, evolving again with generic modules only, where there are variants once more with one
/// harness, measuring the arms.
const EVOLVE_SHARE: f64 = 0.45;
const GENERIC_SHARE: f64 = 0.2;
const SINGLE_SHARE: f64 = 0.1;
const LEAST_MEASURE_SHARE: f64 = 0.2;

/// What an evolution is told.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The suite: functions, household, menus, mixed, or a folder with a suite.toml
    #[arg(required = true)]
    suite: Option<String>,
    /// The model, which stays as it is: smollm2, gguf:FILE, openai:NAME, anthropic:NAME, random, first, noop, pack/module
    /// [default: `[model.main]` of the harness; without either, smollm2]
    #[arg(long, short)]
    model: Option<String>,
    /// A model that the stages ask (role `meta`): it reads failures, orders directions, writes edits, reviews them
    /// [default: `[model.meta]` of the harness; without either, no stage needs a model]
    #[arg(long, value_name = "MODEL")]
    meta: Option<String>,
    /// Begin with this harness instead of the suite's own
    #[arg(long, value_name = "FILE")]
    harness: Option<PathBuf>,
    /// The benchmark's own data: a folder, or `bfcl` after `harness data pull bfcl` [default for household: $ALFWORLD_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configure the suite's environment, e.g. category=live_simple
    #[arg(long = "set", value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Seed of splits, orders and episodes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Most minutes for everything
    #[arg(long, value_name = "N", value_parser = crate::argv::minutes)]
    minutes: Option<f64>,
    /// Most rollouts of the evolution itself
    #[arg(long, value_name = "N")]
    rollouts: Option<u64>,
    /// At most so many tasks of a group; 0: all
    #[arg(long, value_name = "N")]
    per_group: Option<usize>,
    /// Groups of each arm measured on sealed tasks; 0: all
    #[arg(long, value_name = "N")]
    sealed: Option<usize>,
    /// What a candidate may ship for: success, or proven lower cost or latency at proven non-inferior success
    #[arg(long, value_name = "WHAT", value_parser = ["success", "cost", "latency"])]
    objective: Option<String>,
    /// `strict`: beside the judge, no explore task that passed in one of two attempts may fail in both
    #[arg(long, value_name = "RULE", value_parser = ["off", "strict"])]
    seesaw: Option<String>,
    /// Change a setting of the evolution, e.g. rounds=3, alpha=0.01, delta=0.1, screen_tasks=12
    #[arg(long = "with", value_name = "KEY=VALUE", allow_hyphen_values = true)]
    with: Vec<String>,
    /// Let a proven edit wait for a person: `harness evolve approve|reject RUN`
    #[arg(long)]
    approve: bool,
    /// Wait for a process that works on this run to end
    #[arg(long)]
    wait: bool,
    /// Where the report and the final harness are written [default: .harness/evolve/RUN]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Evolves, measures, reports.
pub fn run(global: &Global, args: &RunArgs) -> Result<(), Failure> {
    let runtime = wire::runtime()?;
    let watcher = Watcher::new(global.quiet, args.suite());
    let place = Place { plugins: &global.plugins, store: wire::record()?, runtime: runtime.handle() };
    let evolved = evolved(&place, args, stop::on_ctrl_c(), watcher)?;
    print(global, &evolved.report, &evolved.out)?;
    match evolved.paused {
        Some(Stop::Interrupted) => {
            Err(Failure::interrupted("stopped; the report shows what is known").hint("the same command continues"))
        }
        Some(Stop::Approval) => {
            Err(Failure::waiting(format!("a proven edit waits for a person; `harness evolve approve {}`", evolved.run))
                .hint("then the same command continues"))
        }
        Some(_) => {
            Err(Failure::new("the model or the world could not be reached any more; the report shows what is known")
                .hint("the same command continues"))
        }
        None => Ok(()),
    }
}

/// Where an evolution runs.
pub struct Place<'a> {
    pub plugins: &'a [PathBuf],
    pub store: Arc<Store>,
    pub runtime: &'a Handle,
}

/// What came of an evolution.
pub struct Evolved {
    pub run: String,
    pub report: Report,
    /// Where it was written.
    pub out: PathBuf,
    /// Why it is not at its end; the same command continues.
    pub paused: Option<Stop>,
}

impl RunArgs {
    fn suite(&self) -> &str {
        // Without a suite there would be a subcommand, and we would not be here.
        self.suite.as_deref().unwrap_or_default()
    }
}

/// Evolves and measures, until it is over or `cancel` is used; writes the report.
pub fn evolved(place: &Place<'_>, args: &RunArgs, cancel: Cancel, watcher: Watcher) -> Result<Evolved, Failure> {
    let began = Instant::now();
    let mut host = Arc::new(wire::host(place.plugins)?);
    let sit = |host: &Arc<Host>| {
        wire::benchmark(args.suite(), host, args.data.as_deref(), &args.set, args.per_group, args.seed).map(Arc::new)
    };
    let mut benchmark = sit(&host)?;
    let mut initial = match &args.harness {
        Some(path) => wire::harness_file(path)?,
        None => benchmark.suite.harnesses.get("initial").cloned().unwrap_or_default(),
    };
    let model = wire::main_model(args.model.as_deref(), &initial)?;
    initial.models.insert("main".to_owned(), model.clone());
    // The stages' model is no part of what is evolved.
    let meta = initial.models.remove("meta");
    let meta = args.meta.as_deref().map(wire::model).transpose()?.or(meta);
    let initial = initial;

    let store = place.store.clone();
    let command = crate::argv::command_line();
    let (mut config, question) = settings(args, &benchmark, &host, &initial, meta.as_ref())?;
    if let Some(begun) = begun_before(&store, &config, &question, &host)? {
        // Packs came since it began: it continues with those it began with, and finds the others where it found them.
        host = Arc::new(wire::host_as_of(place.plugins, &begun.lock)?);
        benchmark = sit(&host)?;
        config.run = begun.id;
    }
    let _held = lock::hold(&config.run, &format!("the run {}", config.run), Patience::of(args.wait))?;
    let looks = looks::before(&store, &benchmark, &config.run)?;
    store.begin_run(RunRecord {
        id: config.run.clone(),
        kind: RunKind::Evolve,
        of: String::new(),
        command: command.clone(),
        started_ms: SystemClock.unix_millis(),
        suite: benchmark.suite.name.clone(),
        seed: args.seed,
        config: json!({
            "evolve": config, "environment": wire::environments(&benchmark), "label": benchmark.label, "question": question,
        }),
        lock: wire::installed(&host),
    })?;
    let sitting = Sitting { benchmark, host, store, command, meta, cancel, watcher, began };
    let sealed = args.sealed.unwrap_or(sitting.benchmark.suite.evolve.sealed);
    let (evolution, generic, measurement) =
        place.runtime.block_on(sitting.work(args, &config, &initial, &model, sealed))?;
    sitting.store.flush()?;

    let simulated = sitting.runner(&config)?.agent(&initial)?.is_simulated();
    let context = report::Context {
        label: sitting.benchmark.label.clone(),
        simulated,
        model: args.model.clone().unwrap_or_else(|| wire::model_name(&model)),
        looks,
        calls: Some(calls(&sitting.store, &config.run)?),
        wall_seconds: began.elapsed().as_secs_f64(),
        extent: extent(sealed),
        gate_tasks: gate_tasks(&sitting.benchmark, &evolution),
    };
    let report = report::build(&evolution, generic.as_ref(), &measurement, sitting.benchmark.split(), context);
    let report = report.map_err(Failure::new)?;
    let out = args.out.clone().unwrap_or_else(|| crate::paths::workspace().join(".harness/evolve").join(&config.run));
    write(&out, &report, &evolution)?;
    let cut_short = measurement.cut_short.filter(|stop| stop.continues());
    let paused = cut_short.or(Some(evolution.ended).filter(|stop| stop.continues()));
    Ok(Evolved { run: config.run, report, out, paused })
}

/// Gate tasks of each part of the population that rounds were about.
fn gate_tasks(benchmark: &Benchmark, evolution: &Evolution) -> BTreeMap<Cell, usize> {
    let groups = benchmark.split().folds.concat();
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
    store: &Store,
    config: &EvolveConfig,
    question: &str,
    host: &Host,
) -> Result<Option<RunRecord>, Failure> {
    let installed = wire::installed(host);
    for run in store.runs()?.into_iter().rev().filter(|run| run.config["question"] == question) {
        if run.id == config.run {
            return Ok(None);
        }
        let there = |packs: &serde_json::Map<String, Value>| packs.iter().all(|(pack, sha)| installed[pack] == *sha);
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
    args: &RunArgs,
    benchmark: &Benchmark,
    host: &Host,
    initial: &Harness,
    meta: Option<&ModelSpec>,
) -> Result<(EvolveConfig, String), Failure> {
    let mut settings = benchmark.suite.evolve.settings.clone();
    for setting in &args.with {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::input(format!("--with takes KEY=VALUE, got `{setting}`")))?;
        settings.insert(key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into()));
    }
    for (key, value) in [("objective", &args.objective), ("seesaw", &args.seesaw)] {
        if let Some(value) = value {
            settings.insert(key.to_owned(), value.as_str().into());
        }
    }
    let mut config: EvolveConfig = serde_json::from_value(settings.into())
        .map_err(|error| Failure::input(format!("a setting of the evolution is wrong: {error}")))?;
    config.seed = args.seed;
    config.approve |= args.approve;
    // In a mixed suite somebody has written a harness for each part: candidates may begin there.
    for part in benchmark.suite.parts.iter().filter(|_| benchmark.suite.is_mixed()) {
        let start = part.harnesses.get("initial").cloned().unwrap_or_default();
        config.starts.insert(part.name.clone(), start);
    }
    if let Some(rollouts) = args.rollouts {
        config.max_rollouts = Some(rollouts);
    }
    if let Some(minutes) = args.minutes {
        config.max_seconds = Some((minutes * 60.0 * EVOLVE_SHARE) as u64);
    }
    let question = json!({
        "config": config, "meta": meta, "initial": initial.canonical(host.catalogue()), "label": benchmark.label,
        "environment": wire::environments(benchmark),
    });
    let question = harness_bench::digest(&question.to_string(), 10);
    let id = harness_bench::digest(&format!("{question} {}", wire::installed(host)), 10);
    config.run = format!("evolve-{}-{id}", benchmark.suite.name);
    Ok((config, question))
}

/// Everything the stages of this command share.
struct Sitting {
    benchmark: Arc<Benchmark>,
    host: Arc<Host>,
    store: Arc<Store>,
    command: String,
    meta: Option<ModelSpec>,
    cancel: Cancel,
    watcher: Watcher,
    began: Instant,
}

impl Sitting {
    fn runner(&self, config: &EvolveConfig) -> Result<Runner, Failure> {
        let (benchmark, host, store) = (self.benchmark.clone(), self.host.clone(), self.store.clone());
        Ok(Runner::new(benchmark, host, store, &config.run, &self.command, config.concurrency, self.cancel.clone())?)
    }

    /// Writes down that an evolution is a control of the run `of`.
    fn control(&self, config: &EvolveConfig, of: &str) -> Result<(), Failure> {
        Ok(self.store.begin_run(RunRecord {
            id: config.run.clone(),
            kind: RunKind::Control,
            of: of.to_owned(),
            command: self.command.clone(),
            started_ms: SystemClock.unix_millis(),
            suite: self.benchmark.suite.name.clone(),
            seed: config.seed,
            config: json!({"evolve": config}),
            lock: wire::installed(&self.host),
        })?)
    }

    async fn evolve(&self, runner: &Runner, config: &EvolveConfig, initial: &Harness) -> Result<Evolution, Failure> {
        let evaluator = BenchmarkEvaluator { runner };
        let digester = TraceDigester::of(self.host.catalogue());
        let critic = AuditCritic::new(self.benchmark.secrets()).formats(self.benchmark.grader_names());
        let (store, clock) = (&*self.store, Stopwatch::new());
        let evolution = match &self.meta {
            None => {
                let stages = Deterministic { digester, critic, ..Deterministic::default() };
                evolve(&evaluator, store, config, initial, &stages, &clock, &self.watcher).await
            }
            Some(model) => {
                let meta = MetaModel {
                    model: model.clone(),
                    host: self.host.clone(),
                    store: self.store.clone(),
                    run: config.run.clone(),
                    seed: config.seed,
                    cancel: self.cancel.clone(),
                };
                let client = MetaClient::open(&meta, store, config).map_err(Failure::new)?;
                let stages = MetaStages::new(&client, &config.meta_stages, digester, critic);
                evolve(&evaluator, store, config, initial, &stages, &clock, &self.watcher).await
            }
        };
        evolution.map_err(Failure::new)
    }

    async fn work(
        &self,
        args: &RunArgs,
        config: &EvolveConfig,
        initial: &Harness,
        model: &ModelSpec,
        sealed: usize,
    ) -> Result<(Evolution, Option<Evolution>, Measurement), Failure> {
        let runner = self.runner(config)?;
        self.watcher.phase("evolving");
        let evolution = self.evolve(&runner, config, initial).await?;

        let own: BTreeSet<&str> = self.benchmark.suite.own_packs.iter().map(String::as_str).collect();
        let packs = self.host.catalogue().packs().map(|pack| pack.pack.name.clone());
        let general: BTreeSet<String> = packs.filter(|pack| !own.contains(pack.as_str())).collect();
        let mut restricted = config.restricted("generic", general);
        // Controls: nobody deploys what they come to.
        restricted.approve = false;
        restricted.max_seconds = args.minutes.map(|minutes| (minutes * 60.0 * GENERIC_SHARE) as u64);
        let stopped = |evolution: &Evolution| evolution.ended.continues();
        let generic = if stopped(&evolution) {
            None
        } else {
            self.watcher.phase("generic modules only");
            self.control(&restricted, &config.run)?;
            Some(self.evolve(&self.runner(&restricted)?, &restricted, initial).await?)
        };
        let mut interrupted = generic.as_ref().is_none_or(stopped);
        // Against several variants stands the best that the same evolver finds with one harness for all.
        let mut single = None;
        if config.variants > 1 && !interrupted {
            self.watcher.phase("one harness for all");
            let mut one =
                EvolveConfig { variants: 1, approve: false, run: format!("{}-single", config.run), ..config.clone() };
            self.control(&one, &config.run)?;
            one.max_seconds = args.minutes.map(|minutes| (minutes * 60.0 * SINGLE_SHARE) as u64);
            single = Some(self.evolve(&self.runner(&one)?, &one, initial).await?);
            interrupted = single.as_ref().is_some_and(stopped);
        }
        let others = [(ArmKind::Generic, "generic only", &generic), (ArmKind::Single, "best single", &single)];
        let others = others.map(|(role, name, run)| run.as_ref().map(|run| (role, name, &run.pool)));
        let mut arms = self.arms(&evolution, others.into_iter().flatten(), initial, model)?;
        // What was stopped has no final harness yet: nothing is measured of it, and nothing decided about that.
        if interrupted {
            arms.iter_mut().for_each(|arm| arm.splits.clear());
        } else {
            self.watcher.phase("measuring");
        }
        // Whatever time is left, but never nothing: a report without sealed results says too little.
        let left = args.minutes.map(|minutes| {
            let all = minutes * 60.0;
            (all - self.began.elapsed().as_secs_f64()).max(all * LEAST_MEASURE_SHARE) as u64
        });
        let evaluator = BenchmarkEvaluator { runner: &runner };
        let clock = Stopwatch::new();
        let measurement = measure(&evaluator, &*self.store, config, &arms, extent(sealed), left, &clock, &self.watcher);
        let mut measurement = measurement.await.map_err(Failure::new)?;
        if interrupted {
            let runs = [Some(&evolution), generic.as_ref(), single.as_ref()];
            measurement.cut_short = runs.into_iter().flatten().map(|run| run.ended).find(|stop| stop.continues());
        }
        Ok((evolution, generic, measurement))
    }

    /// The arms of the report, the most telling first.
    fn arms<'p>(
        &self,
        evolution: &'p Evolution,
        others: impl Iterator<Item = (ArmKind, &'p str, &'p Pool)>,
        initial: &Harness,
        model: &ModelSpec,
    ) -> Result<Vec<Arm>, Failure> {
        let all = vec![Split::Explore, Split::Gate, Split::Sealed];
        let sealed = vec![Split::Sealed];
        let with = |pool: &Pool, model: &ModelSpec| {
            let mut pool = pool.clone();
            for harness in pool.variants.values_mut() {
                harness.models.insert("main".to_owned(), model.clone());
            }
            pool
        };
        let arm = |name: &str, role, pool, splits: &[Split]| Arm {
            name: name.to_owned(),
            role,
            pool,
            splits: splits.to_vec(),
        };
        let first: Pool = initial.clone().into();
        let last = &evolution.pool;
        let mut arms = vec![
            arm("initial", ArmKind::Initial, first.clone(), &all),
            arm("final", ArmKind::Final, last.clone(), &all),
            arm("random", ArmKind::Random, with(last, &wire::model("random")?), &sealed),
            arm("do-nothing", ArmKind::Noop, with(&first, &wire::model("noop")?), &sealed),
        ];
        arms.extend(others.map(|(role, name, pool)| arm(name, role, pool.clone(), &sealed)));
        for (name, harness) in last.variants.iter().filter(|_| last.variants.len() > 1) {
            arms.push(arm(&format!("{name} alone"), ArmKind::Variant, harness.clone().into(), &sealed));
        }
        if let Some(rules) = self.benchmark.suite.pool("rules") {
            let rules = with(&rules, &wire::model("first")?);
            // Rules need packs that may not be installed; then there is no such arm.
            if rules.check(self.host.catalogue()).is_ok() {
                arms.push(arm("no model", ArmKind::NoModel, rules, &sealed));
            }
        }
        if let Some(naive) = self.benchmark.suite.pool("naive") {
            arms.push(arm("naive", ArmKind::Naive, with(&naive, model), &sealed));
        }
        Ok(arms)
    }
}

/// Model calls of a run, and those of them that were replayed.
fn calls(store: &Store, run: &str) -> Result<(u64, u64), Failure> {
    let filter = Filter { run: run.to_owned(), ..Filter::default() };
    let statistics = store.call_statistics(&filter)?;
    let (calls, replayed) = statistics.values().fold((0, 0), |(a, b), kind| (a + kind.calls, b + kind.replayed_calls));
    Ok((calls - replayed, replayed))
}

fn write(out: &Path, report: &Report, evolution: &Evolution) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("cannot write the report to {}: {error}", out.display()));
    let json = serde_json::to_string_pretty(report).map_err(Failure::new)?;
    let full = serde_json::to_string(evolution).map_err(Failure::new)?;
    let folder = harness_files::make_folders(out).map_err(fail)?;
    for (name, text) in [
        ("report.json", json),
        ("report.html", report::render_html(std::slice::from_ref(report))),
        ("harness.toml", report.final_toml.clone()),
        ("evolution.json", full),
    ] {
        folder.replace(Path::new(name), text.as_bytes(), harness_files::Access::Usual).map_err(fail)?;
    }
    Ok(())
}

fn print(global: &Global, report: &Report, out: &Path) -> Result<(), Failure> {
    if global.json {
        return output::json(report);
    }
    let color = stream::out_is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // Colours are ours, so they are put around words that hold none.
    let mut words = serde_json::to_value(report).map_err(Failure::new)?;
    output::spell_out(&mut words);
    match serde_json::from_value::<Report>(words) {
        Ok(words) => output::finish(stream::styled(&report::render_terminal(&words, color)))?,
        // A number that JSON does not have: without colours, then.
        Err(_) => output::line(report::render_terminal(report, false))?,
    }
    output::line(format_args!("written to {}: report.html, report.json, harness.toml, evolution.json", out.display()))
}
