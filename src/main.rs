//! `harness`: the command line. Parses the command line, hands over to a subcommand, turns errors into hints and exit codes.

mod argv;
mod bundle;
mod cmd;
mod confinement;
mod download;
mod evaluator;
mod failure;
mod lock;
mod meta;
mod output;
mod paths;
mod policy;
mod progress;
mod replace;
mod stop;
mod wire;

use std::{io::ErrorKind, process::ExitCode};

use clap::Parser;

use crate::cmd::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(shown) => return tell(&shown),
    };
    let json = cli.global.json;
    match cmd::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// Shows help, the version, or what is wrong with the command line.
fn tell(shown: &clap::Error) -> ExitCode {
    let code = u8::try_from(shown.exit_code()).unwrap_or(2);
    match shown.print().map_err(|error| error.kind()) {
        Ok(()) | Err(ErrorKind::BrokenPipe) => ExitCode::from(code),
        // Asked for help, and nobody can read it.
        Err(_) => ExitCode::from(code.max(1)),
    }
}
