//! `harness data`: the data of benchmarks, fetched or brought along.

use std::path::PathBuf;

use bench_functions::pull::{BFCL_VERSION, bfcl_folder, pull_bfcl};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Global;
use crate::{download::Download, failure::Failure, output, paths};

/// Benchmark data: what is there, and fetching it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness data pull bfcl                                    the Berkeley Function Calling Leaderboard (once)
  harness bench functions --data bfcl --model smollm2
  harness bench household --data ~/alfworld --model smollm2

Without data the suites run on tasks of this program's own, and say so.")]
pub struct DataArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch a benchmark's data with pip and check it
    Pull {
        /// Which: bfcl
        name: String,
    },
    /// Show which data there is
    List,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: DataArgs) -> Result<(), Failure> {
    match args.command {
        Command::Pull { name } if name == "bfcl" => pull(global),
        Command::Pull { name } => {
            Err(Failure::input(format!("no data called `{name}` can be fetched; there is: bfcl"))
                .hint("ALFWorld is brought along: --data DIR or $ALFWORLD_DATA, the folder that holds json_2.1.1"))
        }
        Command::List => list(global),
    }
}

fn pull(global: &Global) -> Result<(), Failure> {
    let there = bfcl_folder(&paths::cache()).is_dir();
    let download = Download::new(global.quiet);
    let folder = pull_bfcl(&paths::cache(), &mut |step| download.show(step)).map_err(|error| {
        Failure::new(error).hint(
            "without it: --data DIR (a folder with the BFCL_v4_*.json files), or no --data for this program's own tasks",
        )
    })?;
    drop(download);
    if global.json {
        return output::json(&json!({"name": "bfcl", "version": BFCL_VERSION, "path": folder, "was_there": there}));
    }
    output::line(format_args!(
        "bfcl {BFCL_VERSION} {} {}",
        if there { "is there:" } else { "is now in" },
        folder.display()
    ))
}

fn list(global: &Global) -> Result<(), Failure> {
    let bfcl = bfcl_folder(&paths::cache());
    let alfworld = std::env::var_os("ALFWORLD_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    if global.json {
        return output::json(&json!({"data": [
            {"name": "bfcl", "suite": "functions", "version": BFCL_VERSION, "there": bfcl.is_dir(), "path": bfcl},
            {"name": "alfworld", "suite": "household", "there": alfworld.as_ref().is_some_and(|path| path.is_dir()), "path": alfworld},
        ]}));
    }
    output::line(match bfcl.is_dir() {
        true => format!("bfcl      suite functions, pulled: {}", bfcl.display()),
        false => "bfcl      suite functions, not pulled: `harness data pull bfcl`".to_owned(),
    })?;
    output::line(match alfworld {
        Some(path) if path.is_dir() => format!("alfworld  suite household, $ALFWORLD_DATA: {}", path.display()),
        Some(path) => format!("alfworld  suite household, $ALFWORLD_DATA is no folder: {}", path.display()),
        None => "alfworld  suite household, brought along: --data DIR or $ALFWORLD_DATA".to_owned(),
    })
}
