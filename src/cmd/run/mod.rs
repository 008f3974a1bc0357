//! `harness run`: one task from the command line. What happens is recorded; Ctrl-C ends it with what was recorded.

pub mod play;
pub mod resume;

use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Args;
use harness_abi::DeltaKind;
use harness_bench::{Split, looks};
use harness_core::{Agent, DeltaObserver, assemble};
use harness_spec::Features;
use harness_terminal::stream::{self, Pieces};
use harness_trace::Outcome;

use self::play::{Played, Stage, Task, Variant, play};
use super::Global;
use crate::{bundle, confinement, failure::Failure, lock::Patience, output, stop, wire};

/// Run one task with a harness
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness run my.toml --prompt 'Which of these is a fruit: oak, apple, slate?' --model smollm2
  echo 'Say hello.' | harness run my.toml --model openai:gpt-4o-mini
  harness run my.toml --prompt 'Throw a die.' --json
  harness run deploy --prompt 'Throw a die.'          a folder made by `harness bundle`
  harness run my.toml --resume run-19a8               goes on with what was interrupted

The record is .harness/record.sqlite; `harness trace show EPISODE` reads it. An identical call of a model is taken from the
record and not paid again. What Ctrl-C or a dead model server stopped goes on with --resume: calls of models and tools that were
made are not made again. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.")]
pub struct RunArgs {
    /// The harness, or a bundle
    #[arg(value_name = "FILE.toml|DIR")]
    file: PathBuf,
    /// The task; by default what comes in on standard input
    #[arg(long, short, value_name = "TEXT", conflicts_with = "resume", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// Go on with this episode of the same harness, which was interrupted: its id, or the beginning of it
    #[arg(long, value_name = "ID")]
    resume: Option<String>,
    /// With --resume: wait for a process that plays this episode to end
    #[arg(long, requires = "resume")]
    wait: bool,
    /// The model that plays, in place of the file's: smollm2, gguf:FILE, openai:NAME, anthropic:NAME, random, first, noop, pack/module
    #[arg(long, short)]
    model: Option<String>,
    /// The suite the task is like, where the file routes by it
    #[arg(long, value_name = "NAME", default_value = "", allow_hyphen_values = true)]
    suite: String,
    /// The kind the task is of, where the file routes by it
    #[arg(long, value_name = "NAME", default_value = "", allow_hyphen_values = true)]
    kind: String,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder the harness's tools work in
    #[arg(long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
}

/// Runs the task.
pub fn run(global: &Global, args: RunArgs) -> Result<(), Failure> {
    let opened = bundle::open(&args.file, &global.plugins)?;
    let (pool, host) = (opened.played_by(args.model.as_deref(), &args.file)?, &opened.host);
    let earlier = args.resume.as_deref().map(|id| resume::read(id, Patience::of(args.wait))).transpose()?;
    let prompt = match &earlier {
        Some(earlier) => earlier.prompt.clone(),
        None => prompt(args.prompt)?,
    };
    if let Some(split) = looked_at(global, host, &args.suite, &prompt) {
        output::note(format_args!("this is a {split} task of {}: counted as a look at it", args.suite));
    }
    let known = Features { suite: args.suite, kind: args.kind, text: prompt.clone() };
    let name = pool.route(&known).to_owned();
    let mut harness = pool.variants.get(&name).cloned().unwrap_or_default();
    if !global.json && !opened.is_bundle() {
        confinement::let_person_approve(&mut harness, host.catalogue())?;
    }
    let agent = assemble(&harness, host)?;
    opened.check(&name, &agent)?;
    let seed = earlier.as_ref().map_or(Ok(args.seed), |earlier| earlier.check(agent.variant()))?;

    let (workspace, sandbox) = (confinement::workspace(&args.workspace)?, confinement::of(&harness, host.catalogue())?);
    for (tool, mechanism) in sandbox.iter().filter(|_| !global.quiet && !global.json) {
        let mechanism = mechanism.as_str().unwrap_or_default();
        output::note(format_args!("{tool} runs commands in {}; sandbox: {mechanism}", workspace.path));
    }
    let (store, runtime) = (wire::record()?, wire::runtime()?);
    let streamed = Arc::new(AtomicBool::new(false));
    let terminal = !global.json && stream::out_is_terminal();
    let stage = Stage { host, store: &store, runtime: runtime.handle(), workspace: Some(workspace) };
    let variant = Variant { name: &name, harness: &harness, agent: &agent, sandbox };
    let task = Task {
        prompt,
        seed,
        earlier,
        cancel: stop::on_ctrl_c(),
        observer: terminal.then(|| observer(streamed.clone())),
    };
    let played = play(&stage, variant, task)?;
    report(global, &played, &agent, streamed.load(Ordering::Relaxed))
}

/// The split of the task that a prompt is in the suite it was said to be like, if it is one to be seen rarely. Runs that judge on
/// it find the look by the prompt in the record, said or not.
fn looked_at(global: &Global, host: &harness_host::Host, suite: &str, prompt: &str) -> Option<Split> {
    if suite.is_empty() || global.quiet {
        return None;
    }
    let benchmark = wire::benchmark(suite, host, None, &[], None, 1).ok()?;
    looks::of_prompt(&benchmark, prompt).filter(|split| *split != Split::Explore)
}

fn prompt(given: Option<String>) -> Result<String, Failure> {
    let prompt = match given {
        Some(prompt) => prompt,
        None if std::io::stdin().is_terminal() => String::new(),
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Failure::input(format!("cannot read standard input: {error}")))?;
            text
        }
    };
    match prompt.trim() {
        "" => Err(Failure::input("there is no task").hint("--prompt TEXT, or write it to standard input")),
        text => Ok(text.to_owned()),
    }
}

/// Writes the reply to the terminal as it comes.
fn observer(streamed: Arc<AtomicBool>) -> DeltaObserver {
    let pieces = Mutex::new(Pieces::default());
    Arc::new(move |kind, text| {
        if kind == DeltaKind::TEXT && !text.is_empty() {
            streamed.store(true, Ordering::Relaxed);
            // A terminal that went away is noticed when the answer is written.
            let _ = pieces.lock().unwrap_or_else(PoisonError::into_inner).write(text);
        }
    })
}

fn report(global: &Global, played: &Played, agent: &Agent, streamed: bool) -> Result<(), Failure> {
    let (id, end) = (&played.id, &played.episode.end);
    if global.json {
        output::json(&played.json(agent))?;
    } else {
        output::line(if streamed { String::new() } else { played.answer() })?;
        if !global.quiet {
            output::note(format_args!(
                "{}{} after {} steps, {} + {} tokens{}, {:.1} s; `harness trace show {id}`",
                if agent.is_simulated() { "simulated model: " } else { "" },
                end.outcome.name(),
                end.steps,
                end.usage.input_tokens,
                end.usage.output_tokens,
                cost(end.usage.cost_micros, &agent.unpriced()),
                end.micros as f64 / 1e6,
            ));
        }
    }
    let trace = format!("what happened is recorded: `harness trace show {id}`");
    match end.outcome {
        Outcome::Done => Ok(()),
        Outcome::Cancelled => {
            Err(Failure::interrupted("interrupted")
                .hint(format!("the same command with --resume {id} goes on; {trace}")))
        }
        other => Err(Failure::new(format!("the task ended early ({}): {}", other.name(), end.reason)).hint(trace)),
    }
}

/// What was paid, where anything was, and for which models nobody knows.
fn cost(micros: u64, unpriced: &[&str]) -> String {
    match unpriced {
        [] if micros == 0 => String::new(),
        [] => format!(", ${:.6}", micros as f64 / 1e6),
        names => format!(", cost unknown ({} in no list of prices)", names.join(", ")),
    }
}
