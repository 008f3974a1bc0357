//! `harness memory`: what the record knows of explore tasks, solutions and notes, as a file that `memory/recall` and
//! `memory/notebook` look things up in. Refuses to take anything of a gate or sealed task.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use harness_abi::{Message, Role};
use harness_bench::looks;
use harness_core::{Clock, SystemClock};
use harness_memory::{NOTE, Note, Past, noted};
use harness_trace::{Entry, ExploreTrace, Filter, History, Split};

use super::Global;
use crate::{failure::Failure, output, wire};

/// Memory across tasks: make it from the record
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness bench tickets --model smollm2 --split explore      solve some tasks, or evolve, which does
  harness memory build tickets --out tickets.memory
  harness edit tickets/harness.toml --insert memory/recall --set recall.file=tickets.memory

Only explore tasks are looked at: of each that was solved the newest solution, and what the agent wrote down with the tool
`memory/note`, solved or not, which `memory/notebook` shows. Nothing is ever recalled to the task it is from. The file is read-only
ever after: build another to learn more, and judge it like any other edit.")]
pub struct MemoryArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the solutions and notes of a suite's explore tasks to a file
    Build(BuildArgs),
}

#[derive(Debug, Args)]
struct BuildArgs {
    /// The suite, as the record names it
    suite: String,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Only of this run
    #[arg(long, value_name = "RUN", default_value = "")]
    run: String,
    /// The least reward that counts as solved
    #[arg(long, value_name = "REWARD", default_value_t = 1.0, value_parser = crate::argv::finite, allow_negative_numbers = true)]
    least: f64,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: MemoryArgs) -> Result<(), Failure> {
    let Command::Build(args) = args.command;
    let store = wire::record()?;
    let name = harness_bench::Suite::named(&args.suite).map_or_else(|_| args.suite.clone(), |suite| suite.name);
    let filter = Filter {
        suite: name.clone(),
        split: Split::Explore.name().to_owned(),
        run: args.run.clone(),
        ended: true,
        ..Filter::default()
    };
    let (mut newest, mut notes) = (BTreeMap::new(), Vec::new());
    let found = store.episodes(&filter)?;
    // Under another seed these tasks are for the judge: whoever judges on them is told who has learnt from them.
    let groups = found.iter().map(Into::into);
    looks::reading(&store, groups, &crate::argv::command_line(), SystemClock.unix_millis())?.count(&store)?;
    for row in found {
        let trace = store.explore_trace(&row)?;
        let history = history(&trace)?.messages;
        let Some(task) = history.iter().find(|message| message.role() == Role::User) else { continue };
        let (task, episode) = (task.text().into_owned(), row.start.episode.clone());
        for note in written(&trace) {
            // Said again, it is the newer one.
            notes.retain(|old: &Note| old.note != note);
            notes.push(Note { note, task: task.clone(), episode: episode.clone() });
        }
        if row.reward().is_some_and(|reward| reward >= args.least)
            && let Some(worked) = worked(&history)
        {
            newest.insert(row.start.task.clone(), Past { task, worked, episode });
        }
    }
    let past: Vec<Past> = newest.into_values().collect();
    let written = harness_memory::write(&args.out, &past, &notes).map_err(|error| {
        Failure::input(error).hint(format!(
            "the record has no solved explore task of {name}: `harness bench {} --split explore --model MODEL` plays them",
            args.suite
        ))
    })?;
    if global.json {
        return output::json(&written);
    }
    output::line(format_args!(
        "{} past tasks and {} notes in {}, sha256 {}",
        written.tasks,
        written.notes,
        written.file.display(),
        written.sha256
    ))
}

/// What the agent noted in an episode, as far as it was let.
fn written(trace: &ExploreTrace) -> Vec<String> {
    let mut notes = Vec::new();
    for (_, entry) in trace.entries() {
        if let Entry::Tool { name, arguments, is_error: false, .. } = entry
            && name == NOTE
        {
            notes.extend(noted(arguments));
        }
    }
    notes
}

/// The conversation as it stood at the end.
fn history(trace: &ExploreTrace) -> Result<History, Failure> {
    let mut history = History::default();
    for (_, entry) in trace.entries() {
        history.apply(entry)?;
    }
    Ok(history)
}

/// What the agent did; `None` where it did nothing, as in a solution that was played without a model.
fn worked(history: &[Message]) -> Option<String> {
    let did: Vec<String> = history.iter().filter(|message| message.role() == Role::Assistant).map(action).collect();
    (!did.is_empty()).then(|| format!("You did: {}", did.join(" | ")))
}

fn action(message: &Message) -> String {
    let calls: Vec<String> = message.calls().map(|call| format!("{}({})", call.name, call.arguments)).collect();
    if calls.is_empty() { message.text().trim().to_owned() } else { calls.join(" | ") }
}
