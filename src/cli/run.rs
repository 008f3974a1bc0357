//! `harness run`: one task from the command line. Ctrl-C ends it with what was recorded.

use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Args;
use harness::{
    App, Control, Event, Failure,
    app::run::{Played, RunRequest},
    trace::Outcome,
};
use harness_terminal::{
    question,
    stream::{self, Pieces},
};

use super::{Global, output, stop};

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
pub fn run(app: &App, global: &Global, args: RunArgs) -> Result<(), Failure> {
    let request = RunRequest {
        file: args.file,
        prompt: match args.resume {
            Some(_) => String::new(),
            None => prompt(args.prompt)?,
        },
        resume: args.resume,
        wait: args.wait,
        model: args.model,
        suite: args.suite,
        kind: args.kind,
        seed: args.seed,
        workspace: Some(args.workspace),
        person: !global.json && person(),
        stream: !global.json && stream::out_is_terminal(),
    };
    let streamed = Arc::new(AtomicBool::new(false));
    let control = Control::new(stop::on_ctrl_c(), observer(global, streamed.clone()));
    let played = harness::app::run::run(app, &request, &control)?;
    report(global, &played, streamed.load(Ordering::Relaxed))
}

/// Whether somebody sits here who can be asked.
fn person() -> bool {
    stream::err_is_terminal() && question::somebody_is_there()
}

fn prompt(given: Option<String>) -> Result<String, Failure> {
    match given {
        Some(prompt) => Ok(prompt),
        None if std::io::stdin().is_terminal() => Ok(String::new()),
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Failure::input(format!("cannot read standard input: {error}")))?;
            Ok(text)
        }
    }
}

/// Says what confines commands, and writes the reply to the terminal as it comes.
fn observer(global: &Global, streamed: Arc<AtomicBool>) -> impl Fn(&Event) + Send + Sync + 'static {
    let (loud, notes) = (!global.quiet, !global.quiet && !global.json);
    let pieces = Mutex::new(Pieces::default());
    move |event| match event {
        Event::Confined { tool, mechanism, workspace } if notes => {
            output::note(format_args!("{tool} runs commands in {workspace}; sandbox: {mechanism}"));
        }
        Event::Reply { text } => {
            streamed.store(true, Ordering::Relaxed);
            // A terminal that went away is noticed when the answer is written.
            let _ = pieces.lock().unwrap_or_else(PoisonError::into_inner).write(text);
        }
        Event::Looked { text } if loud => output::note(text),
        Event::Waiting { text } => output::note(text),
        _ => {}
    }
}

fn report(global: &Global, played: &Played, streamed: bool) -> Result<(), Failure> {
    let id = &played.episode;
    if global.json {
        output::json(played)?;
    } else {
        output::line(if streamed { "" } else { &played.answer })?;
        if !global.quiet {
            output::note(format_args!(
                "{}{} after {} steps, {} + {} tokens{}, {:.1} s; `harness trace show {id}`",
                if played.simulated { "simulated model: " } else { "" },
                played.outcome.name(),
                played.steps,
                played.usage.input_tokens,
                played.usage.output_tokens,
                cost(played.usage.cost_micros, &played.unpriced),
                played.wall_seconds,
            ));
        }
    }
    let trace = format!("what happened is recorded: `harness trace show {id}`");
    match played.outcome {
        Outcome::Done => Ok(()),
        Outcome::Cancelled => {
            Err(Failure::interrupted("interrupted")
                .hint(format!("the same command with --resume {id} goes on; {trace}")))
        }
        other => Err(Failure::new(format!("the task ended early ({}): {}", other.name(), played.reason)).hint(trace)),
    }
}

/// What was paid, where anything was, and for which models nobody knows.
fn cost(micros: u64, unpriced: &[String]) -> String {
    match unpriced {
        [] if micros == 0 => String::new(),
        [] => format!(", ${:.6}", micros as f64 / 1e6),
        names => format!(", cost unknown ({} in no list of prices)", names.join(", ")),
    }
}
