//! `harness memory`: makes a file of what the record knows of explore tasks.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use harness::{
    App, Failure,
    app::memory::{MemoryRequest, build},
};

use super::{Global, output, progress::shown};

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
    #[arg(long, value_name = "REWARD", default_value_t = 1.0, value_parser = crate::cli::argv::finite, allow_negative_numbers = true)]
    least: f64,
}

/// Runs the subcommand.
pub fn run(app: &App, global: &Global, args: MemoryArgs) -> Result<(), Failure> {
    let Command::Build(args) = args.command;
    let request = MemoryRequest { suite: args.suite, out: args.out, run: args.run, least: args.least };
    let written = shown(global, |control| build(app, &request, control))?;
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
