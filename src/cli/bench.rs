//! `harness bench`: plays a suite with one harness.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::{
        BenchmarkRequest,
        bench::{BenchRequest, Measured, Split, bench},
        bounds::AtOnce,
    },
};

use super::{Global, output, progress::watched, settings};
use crate::render;

/// Take a benchmark with a harness: how often does it succeed?
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness bench functions --model random                    the self-written set, a control
  harness bench functions --model smollm2 --data bfcl       BFCL live_multiple, a real small model
  harness bench household --model oracle --limit 20         known solutions: checks world and grader
  harness bench household --harness my.toml --model smollm2 --data ~/alfworld --split valid_seen")]
pub struct BenchArgs {
    /// The suite: everyday, functions, household, menus, mixed, or a folder with a suite.toml
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
    #[arg(long, value_name = "N", default_value_t = AtOnce::nearest(4))]
    concurrency: AtOnce,
    /// Configure the suite's environment, e.g. category=live_simple
    #[arg(long = "set", value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Wait for a process that works on the same question to end
    #[arg(long)]
    wait: bool,
}

/// Plays it.
pub fn run(app: &App, global: &Global, args: BenchArgs) -> Result<(), Failure> {
    let request = BenchRequest {
        benchmark: BenchmarkRequest {
            suite: args.suite,
            data: args.data,
            settings: settings("--set", &args.set)?,
            per_group: args.per_group,
            seed: args.seed,
        },
        harness: args.harness,
        model: args.model,
        split: args.split,
        limit: args.limit,
        concurrency: args.concurrency,
        wait: args.wait,
    };
    let measured = watched(global, |control| bench(app, &request, control))?;
    if global.json {
        output::json(&measured)?;
    } else {
        print(&measured)?;
    }
    let (summary, Some(reason)) = (&measured.summary, &measured.unmeasured) else { return Ok(()) };
    Err(Failure::new(format!(
        "{} of {} episodes could not be measured, and the numbers leave them out: {reason}",
        summary.episodes - summary.measured,
        summary.episodes,
    ))
    .hint("nothing of them is kept as a result; the same command plays them again and finishes the run"))
}

fn print(measured: &Measured) -> Result<(), Failure> {
    let Measured { label, split, harness, model, run, summary, .. } = measured;
    let simulated = if measured.simulated { "  (no language model: a simulated player)" } else { "" };
    output::line(format_args!("{label} · {split} · {harness} with {model}{simulated}"))?;
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
        summary.steps, summary.tokens, summary.replayed_tokens, measured.wall_seconds, measured.steps_per_second,
    ))?;
    let before = &measured.looks_before;
    for (split, seen) in [(Split::Gate, &before.gate), (Split::Sealed, &before.sealed)] {
        if let Some(groups) = measured.looked.get(&split) {
            output::line(format_args!(
                "looked at {groups} of {} {split} groups; {} looks at {} of them before this run",
                seen.of,
                seen.looks.len(),
                seen.groups
            ))?;
        }
    }
    if !summary.marking.is_none() {
        output::line(format_args!("marking took {}", render::tokens(&summary.marking)))?;
    }
    output::line(format_args!("run {run}; `harness trace list --run {run}` shows its episodes"))
}
