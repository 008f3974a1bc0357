//! `harness suite`: a benchmark of one's own: begin one, check that it measures what it should.

mod check;
mod from_traces;
mod new;
mod stats;

use clap::{Args, Subcommand};
use harness::{App, Failure};

pub(super) use self::new::Marking;
use super::Global;

/// Make a benchmark of your own tasks, and check that it measures what it should
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite new tickets --from tickets.csv --prompt question --answer label
  harness suite from-traces asked          tasks of what users asked and what they thought of it
  harness suite check tickets              known answers pass, silence does not, and what its size can prove
  harness bench tickets --model openai:gpt-4o-mini
  harness evolve tickets --model openai:gpt-4o-mini

A suite is a folder: suite.toml says how tasks are marked and split, tasks.jsonl holds one task a line, harness.toml is what
evolution begins with. docs/suites.md says the rest.")]
pub struct SuiteArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Begin a suite: a folder with tasks, a grader and a first harness
    New(new::NewArgs),
    /// Make explore tasks of what a served harness was asked, and what users thought of the answers
    FromTraces(from_traces::FromTracesArgs),
    /// Play known answers, silence and constants; say what the suite's size can prove. Asks no model
    Check(check::CheckArgs),
    /// Count tasks, groups, kinds, lengths, answers, splits
    Stats(stats::StatsArgs),
}

/// Runs the subcommand.
pub fn run(app: &App, global: &Global, args: SuiteArgs) -> Result<(), Failure> {
    match args.command {
        Command::New(args) => new::run(global, args),
        Command::FromTraces(args) => from_traces::run(app, global, args),
        Command::Check(args) => check::run(app, global, args),
        Command::Stats(args) => stats::run(app, global, args),
    }
}
