//! `harness`: the command line. Parses the command line, hands over to a subcommand, turns errors into hints and exit codes.

mod bundle;
mod cmd;
mod confinement;
mod download;
mod evaluator;
mod failure;
mod meta;
mod output;
mod paths;
mod policy;
mod progress;
mod replace;
mod stop;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use crate::cmd::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    match cmd::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
