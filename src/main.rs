//! `harness`: the front door. Parses the command line, hands over to a subcommand, turns errors into hints and exit codes.

mod arena;
mod boxes;
mod cmd;
mod failure;
mod meta;
mod output;
mod packed;
mod paths;
mod policy;
mod progress;
mod pulling;
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
