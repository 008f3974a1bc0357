//! `harness evolve`: improves a suite's harness by evidence; its subcommands look after a run that was made.

mod approve;
mod run;
mod verify;

use clap::{Args, Subcommand};
use harness::{App, Failure};

use super::Global;

/// Improve a suite's harness by evidence.
///
/// Plays the initial harness on explore tasks, reads the traces, proposes edits over the modules that are installed,
/// screens them, and lets the survivors meet the harness of the day on gate tasks that no stage ever sees. An edit ships
/// when the judge has proof. At the end every arm is measured on sealed tasks, beside controls. The same command
/// continues a run that was stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness evolve functions --model random                        no downloads: shows the machinery, proves nothing
  harness evolve functions --model smollm2 --data bfcl           a real small model on BFCL live_multiple
  harness evolve household --plan                                what it would take, and which gain it can prove
  harness evolve household --model smollm2 --minutes 60          generated household games
  harness evolve household --model smollm2 --data ~/alfworld     ALFWorld's own games
  harness evolve verify RUN                                      checks a run's certificates against the record")]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct EvolveArgs {
    #[command(flatten)]
    run: run::RunArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let the proven edits of a run that wait for a person ship
    Approve(approve::ApproveArgs),
    /// Decline them
    Reject(approve::ApproveArgs),
    Verify(verify::VerifyArgs),
}

/// Runs the subcommand, or an evolution.
pub fn run(app: &App, global: &Global, args: EvolveArgs) -> Result<(), Failure> {
    match args.command {
        Some(Command::Approve(args)) => approve::run(app, global, args, true),
        Some(Command::Reject(args)) => approve::run(app, global, args, false),
        Some(Command::Verify(args)) => verify::run(app, global, args),
        None => run::run(app, global, args.run),
    }
}
