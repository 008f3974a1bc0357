//! `harness bench`: takes a benchmark with one harness.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use clap::Args;
use harness_bench::{Benchmark, Player, Runner, Selection, Split, Summary, looks};
use harness_core::{Clock, SystemClock};
use harness_spec::Pool;
use harness_trace::{EpisodeResult, Rollout, RunKind, RunRecord, Store};
use serde_json::{Value, json};

use super::Global;
use crate::{
    failure::Failure,
    lock::{self, Held, Patience},
    output,
    progress::Progress,
    stop, wire,
};

/// Take a benchmark with a harness: how often does it succeed?
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness bench functions --model random                    the self-written set, a control
  harness bench functions --model smollm2 --data bfcl       BFCL live_multiple, a real small model
  harness bench household --model oracle --limit 20         known solutions: checks world and grader
  harness bench household --harness my.toml --model smollm2 --data ~/alfworld --split valid_seen")]
pub struct BenchArgs {
    /// The suite: functions, household, menus, mixed, or a folder with a suite.toml
    suite: String,
    /// The harness: a file, or one of the suite's own (initial, naive, rules)
    #[arg(long, value_name = "FILE|NAME", default_value = "initial")]
    harness: String,
    /// The model that plays: smollm2, gguf:FILE, openai:NAME, anthropic:NAME, random, first, noop, pack/module;
    /// oracle plays the known solutions, rules the suite's rules without a model
    /// [default: the harness's own `[model.main]`; without either, smollm2]
    #[arg(long, short)]
    model: Option<String>,
    /// The benchmark's own data: a folder, or `bfcl` after `harness data pull bfcl` [default for household: $ALFWORLD_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Which tasks: explore, gate, sealed, all, or a split the data names
    #[arg(long, default_value = "explore")]
    split: String,
    /// At most so many tasks
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// At most so many tasks of a group; 0: all
    #[arg(long, value_name = "N")]
    per_group: Option<usize>,
    /// Seed of splits, episodes and intervals
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Episodes at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = crate::argv::at_once)]
    concurrency: usize,
    /// Configure the suite's environment, e.g. category=live_simple
    #[arg(long = "set", value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Wait for a process that works on the same question to end
    #[arg(long)]
    wait: bool,
}

/// Takes the benchmark.
pub fn run(global: &Global, args: BenchArgs) -> Result<(), Failure> {
    let host = Arc::new(wire::host(&global.plugins)?);
    let benchmark = wire::benchmark(&args.suite, &host, args.data.as_deref(), &args.set, args.per_group, args.seed)?;
    let benchmark = Arc::new(benchmark);
    let player = player(&benchmark, &host, &args)?;
    let mut tasks = benchmark.task_ids(&Selection::from(&*args.split))?;
    tasks.truncate(args.limit.unwrap_or(usize::MAX));
    let jobs: Vec<Rollout> = tasks.into_iter().map(|task| Rollout { task, seed: args.seed }).collect();

    let store = wire::record()?;
    let command = crate::argv::command_line();
    let (run, _held) = begin(&store, &benchmark, &player, &host, &args, &command)?;
    let before = looks::before(&store, &benchmark, &run)?;
    let cancel = stop::on_ctrl_c();
    let runner = Runner::new(benchmark.clone(), host, store.clone(), &run, &command, args.concurrency, cancel.clone())?;
    let mut simulated = player == Player::Oracle;
    for harness in pool(&player).into_iter().flat_map(|pool| pool.variants.values()) {
        simulated |= runner.agent(harness)?.is_simulated();
    }
    let progress = Progress::new(global.quiet, &format!("{} {}", benchmark.label, args.split), jobs.len() as u64);
    let began = Instant::now();
    let runtime = wire::runtime()?;
    let done = |_: &EpisodeResult| progress.add(1);
    let scored = runtime.block_on(runner.play(&player, &jobs, ATTEMPTS, done))?;
    drop(progress);
    let wall = began.elapsed().as_secs_f64();
    store.flush()?;
    let summary = Summary::of(&scored, args.seed);
    if summary.is_whole() {
        store.put_fact(&run, "bench_done", "", &true)?;
    }

    let played: u64 = scored.iter().filter(|row| !row.remembered).map(|row| row.steps).sum();
    let mut object = json!({
        "suite": args.suite, "label": benchmark.label, "split": args.split, "model": named(args.model.as_deref(), pool(&player)), "harness": args.harness,
        "simulated": simulated, "run": run, "seed": args.seed,
        "looked": runner.looked(), "looks_before": before,
        "wall_seconds": wall, "steps_per_second": played as f64 / wall.max(f64::MIN_POSITIVE),
    });
    if let (Value::Object(object), Ok(Value::Object(more))) = (&mut object, serde_json::to_value(&summary)) {
        object.extend(more);
    }
    print(global, &object, &summary, &runner.looked(), &before)?;
    let Some(lost) = scored.iter().find(|row| !row.is_measured()) else { return Ok(()) };
    Err(Failure::new(format!(
        "{} of {} episodes could not be measured, and the numbers leave them out: {}",
        summary.episodes - summary.measured,
        summary.episodes,
        lost.reason
    ))
    .hint("nothing of them is kept as a result; the same command plays them again and finishes the run"))
}

/// How often an episode that infrastructure ends is begun before it is given up: as in an evolution.
const ATTEMPTS: u32 = 3;

fn pool(player: &Player) -> Option<&Pool> {
    match player {
        Player::Pool(pool) => Some(pool),
        Player::Oracle => None,
    }
}

/// What the model is called where it is shown: as it was given, or the harness's own.
fn named(given: Option<&str>, player: Option<&Pool>) -> String {
    let own = || player?.variants.values().find_map(|harness| harness.models.get("main"));
    given.map(str::to_owned).or_else(|| Some(wire::model_name(own()?))).unwrap_or_default()
}

/// Who plays.
fn player(benchmark: &Benchmark, host: &harness_host::Host, args: &BenchArgs) -> Result<Player, Failure> {
    // Rules are a harness of their own, which any player can serve.
    let (harness, model) = match args.model.as_deref() {
        Some("oracle") => return Ok(Player::Oracle),
        Some("rules") => ("rules", Some("first")),
        other => (&*args.harness, other),
    };
    let mut pool = match benchmark.suite.pool(harness) {
        Some(pool) => pool,
        None => wire::pool_file(harness.as_ref())?,
    };
    for harness in pool.variants.values_mut() {
        let model = wire::main_model(model, harness)?;
        harness.models.insert("main".to_owned(), model);
    }
    pool.check(host.catalogue()).map_err(Failure::input)?;
    Ok(Player::Pool(pool))
}

/// The run this command continues: the newest of the same question that did not end, or a new one.
fn begin(
    store: &Store,
    benchmark: &Benchmark,
    player: &Player,
    host: &harness_host::Host,
    args: &BenchArgs,
    command: &str,
) -> Result<(String, Held), Failure> {
    let harness = match pool(player) {
        Some(pool) => pool.id(host.catalogue()).to_string(),
        None => "oracle".to_owned(),
    };
    let installed = wire::installed(host);
    let question = json!({
        "environment": wire::environments(benchmark), "label": benchmark.label, "harness": harness, "split": args.split,
        "seed": args.seed, "installed": installed,
    });
    let name = format!("bench-{}", harness_bench::digest(&question.to_string(), 10));
    let held = lock::hold(&name, &format!("the run {name}"), Patience::of(args.wait))?;
    for serial in 1_u32.. {
        let run = format!("{name}-{serial}");
        if store.fact(&run, "bench_done", "")?.is_some() {
            continue;
        }
        store.begin_run(RunRecord {
            id: run.clone(),
            kind: RunKind::Bench,
            of: String::new(),
            command: command.to_owned(),
            started_ms: SystemClock.unix_millis(),
            suite: benchmark.suite.name.clone(),
            seed: args.seed,
            config: question,
            lock: installed,
        })?;
        return Ok((run, held));
    }
    Err(Failure::new("no number is left for a new run"))
}

fn print(
    global: &Global,
    object: &Value,
    summary: &Summary,
    looked: &BTreeMap<Split, usize>,
    before: &looks::Looks,
) -> Result<(), Failure> {
    if global.json {
        return output::json(object);
    }
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let simulated = if object["simulated"] == true { "  (no language model: a simulated player)" } else { "" };
    output::line(format_args!(
        "{} · {} · {} with {}{simulated}",
        text("label"),
        text("split"),
        text("harness"),
        text("model")
    ))?;
    let interval = summary.ci95.map_or_else(String::new, |[low, high]| {
        format!("  [{:.1}, {:.1}] (95 %, {} groups)", 100.0 * low, 100.0 * high, summary.groups)
    });
    match summary.measured {
        0 => output::line(format_args!("success unknown: none of {} episodes could be measured", summary.episodes))?,
        _ => output::line(format_args!(
            "success {:.1} %{interval} of {} episodes",
            100.0 * summary.success,
            summary.measured
        ))?,
    }
    for (part, mean) in &summary.parts {
        output::line(format_args!("  {part} {:.1} %", 100.0 * mean))?;
    }
    if summary.faults + summary.infrastructure > 0 {
        output::line(format_args!(
            "{} ended in a fault, {} were ended by infrastructure",
            summary.faults, summary.infrastructure
        ))?;
    }
    output::line(format_args!(
        "{} steps, {} tokens ({} of them replayed from the record), {:.1} s, {:.1} steps/s",
        summary.steps,
        summary.tokens,
        summary.replayed_tokens,
        object["wall_seconds"].as_f64().unwrap_or_default(),
        object["steps_per_second"].as_f64().unwrap_or_default(),
    ))?;
    for (split, seen) in [(Split::Gate, &before.gate), (Split::Sealed, &before.sealed)] {
        if let Some(groups) = looked.get(&split) {
            output::line(format_args!(
                "looked at {groups} of {} {split} groups; {} looks at {} of them before this run",
                seen.of,
                seen.looks.len(),
                seen.groups
            ))?;
        }
    }
    if !summary.marking.is_none() {
        output::line(format_args!("marking took {}", output::tokens(&summary.marking)))?;
    }
    output::line(format_args!("run {}; `harness trace list --run {}` shows its episodes", text("run"), text("run")))?;
    Ok(())
}
