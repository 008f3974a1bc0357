//! `harness data`: the data of benchmarks, fetched or brought along.

use clap::{Args, Subcommand};
use harness::{
    App, Failure,
    app::data::{self, Data},
};
use serde_json::json;

use super::{Global, output, progress::shown};

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
pub fn run(app: &App, global: &Global, args: DataArgs) -> Result<(), Failure> {
    match args.command {
        Command::Pull { name } => pull(app, global, &name),
        Command::List => list(app, global),
    }
}

fn pull(app: &App, global: &Global, name: &str) -> Result<(), Failure> {
    let pulled = shown(global, |control| data::pull(app, name, control))?;
    if global.json {
        return output::json(&pulled);
    }
    let is = if pulled.was_there { "is there:" } else { "is now in" };
    output::line(format_args!("{} {} {is} {}", pulled.name, pulled.version, pulled.path.display()))
}

fn list(app: &App, global: &Global) -> Result<(), Failure> {
    let all = data::list(app);
    if global.json {
        return output::json(&json!({"data": all}));
    }
    all.iter().try_for_each(|data| output::line(line(data)))
}

fn line(data: &Data) -> String {
    let path = data.path.as_ref().map(|path| path.display().to_string());
    let state = match (data.name.as_str(), path) {
        ("bfcl", Some(path)) if data.there => format!("pulled: {path}"),
        ("bfcl", _) => "not pulled: `harness data pull bfcl`".to_owned(),
        (_, Some(path)) if data.there => format!("$ALFWORLD_DATA: {path}"),
        (_, Some(path)) => format!("$ALFWORLD_DATA is no folder: {path}"),
        (_, None) => "brought along: --data DIR or $ALFWORLD_DATA".to_owned(),
    };
    format!("{:<9} suite {}, {state}", data.name, data.suite)
}
