//! `harness memory`: what the record knows of solved explore tasks as a file that `memory/recall` looks things up in. Refuses to
//! take anything of a gate or sealed task.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use harness_abi::{Message, Role};
use harness_memory::Past;
use harness_trace::{EpisodeRow, Filter, Store};

use super::Global;
use crate::{failure::Failure, output, wire};

/// Memory across tasks: make it from the record
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness bench tickets --model smollm2 --split explore      solve some tasks, or evolve, which does
  harness memory build tickets --out tickets.memory
  harness edit tickets/harness.toml --insert memory/recall --set recall.file=tickets.memory

Only explore tasks that were solved are taken, of each the newest solution; a task is never recalled to itself. The file is
read-only ever after: build another to learn more, and judge it like any other edit.")]
pub struct MemoryArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the solved explore tasks of a suite to a file
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
    #[arg(long, value_name = "REWARD", default_value_t = 1.0)]
    least: f64,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: MemoryArgs) -> Result<(), Failure> {
    let Command::Build(args) = args.command;
    let store = wire::record()?;
    let name = harness_bench::Suite::named(&args.suite).map_or_else(|_| args.suite.clone(), |suite| suite.name);
    let filter = Filter {
        suite: name.clone(),
        split: "explore".to_owned(),
        run: args.run.clone(),
        ended: true,
        ..Filter::default()
    };
    let mut newest = BTreeMap::new();
    for row in store.episodes(&filter)? {
        if row.reward().is_some_and(|reward| reward >= args.least)
            && let Some(past) = remembered(&store, &row)?
        {
            newest.insert(row.start.task.clone(), past);
        }
    }
    let past: Vec<Past> = newest.into_values().collect();
    let written = harness_memory::write(&args.out, &past).map_err(|error| {
        Failure::input(error).hint(format!(
            "the record has no solved explore task of {name}: `harness bench {} --split explore --model MODEL` plays them",
            args.suite
        ))
    })?;
    if global.json {
        return output::json(&written);
    }
    output::line(format_args!("{} past tasks in {}, sha256 {}", written.tasks, written.file.display(), written.sha256))
}

/// What an episode has to teach: its task and what the agent did. `None` where it has no conversation, as a solution that was
/// played without a model.
fn remembered(store: &Store, row: &EpisodeRow) -> Result<Option<Past>, Failure> {
    let history = store.history(row)?.messages;
    let Some(task) = history.iter().find(|message| message.role() == Role::User) else { return Ok(None) };
    let did: Vec<String> = history.iter().filter(|message| message.role() == Role::Assistant).map(action).collect();
    if did.is_empty() {
        return Ok(None);
    }
    let worked = format!("You did: {}", did.join(" | "));
    Ok(Some(Past { task: task.text().into_owned(), worked, episode: row.start.episode.clone() }))
}

fn action(message: &Message) -> String {
    let calls: Vec<String> = message.calls().map(|call| format!("{}({})", call.name, call.arguments)).collect();
    if calls.is_empty() { message.text().trim().to_owned() } else { calls.join(" | ") }
}
