//! `harness mcp serve`: run, record and suites as tools of an MCP server on standard input and output. Offers the harnesses and suites
//! that are named on the command line and no others: a client's model cannot name a file.

use std::{collections::BTreeMap, path::PathBuf, sync::Mutex};

use clap::Args;
use harness_bench::Suite;

use super::desk::{Desk, Harness};
use crate::{bundle, cmd::Global, confinement, failure::Failure, stop, wire};

/// Serve tools to an MCP client on standard input and output
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness mcp serve my.toml --model smollm2
  harness mcp serve deploy tickets.toml --suite tickets      several harnesses; a suite to check and to evolve on

A client starts it by itself. Most read a file such as this one; -C is the folder whose .harness/record.sqlite is used:

  {
    \"mcpServers\": {
      \"harness\": {
        \"command\": \"harness\",
        \"args\": [\"mcp\", \"serve\", \"-C\", \"FOLDER\", \"my.toml\", \"--suite\", \"tickets\"],
        \"env\": { \"OPENAI_API_KEY\": \"…\" }
      }
    }
  }

Tools: run_task, show_harness, list_episodes, show_episode, search_episodes; with --suite also check_suite and evolve. What goes wrong
before a client is there goes to standard error, as everything does that is no message. docs/mcp.md says the rest.")]
pub struct ServeArgs {
    /// The harnesses, or bundles; each is called by its file's or folder's name
    #[arg(value_name = "FILE.toml|DIR")]
    files: Vec<PathBuf>,
    /// A suite that may be checked and evolved on: a folder with a suite.toml, or functions, household, menus, mixed (repeatable)
    #[arg(long = "suite", value_name = "SUITE")]
    suites: Vec<String>,
    /// Work in this folder, as if started there
    #[arg(long, short = 'C', value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The model that plays, in place of the files' (names as in `harness run`)
    #[arg(long, short)]
    model: Option<String>,
    /// The folder that tools of files and commands work in. Without one they have none
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// Serves until the client leaves, or Ctrl-C.
pub fn run(global: &Global, args: ServeArgs) -> Result<(), Failure> {
    if let Some(folder) = &args.directory {
        std::env::set_current_dir(folder)
            .map_err(|error| Failure::input(format!("cannot work in {}: {error}", folder.display())))?;
    }
    let mut harnesses = BTreeMap::new();
    for file in &args.files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if harnesses.contains_key(&name) {
            return Err(Failure::input(format!("two harnesses are called `{name}`"))
                .hint("rename a file: harnesses are called by their files' names"));
        }
        let opened = bundle::open(file, &global.plugins)?;
        let pool = opened.played_by(args.model.as_deref(), file)?;
        harnesses.insert(name, Harness::open(opened, pool)?);
    }
    let mut suites = BTreeMap::new();
    for named in args.suites {
        let suite = Suite::named(&named)?;
        if suites.insert(suite.name.clone(), named).is_some() {
            return Err(
                Failure::input(format!("two suites are called `{}`", suite.name)).hint("name each of them once")
            );
        }
    }
    let (runtime, store) = (wire::runtime()?, wire::record()?);
    let desk = Desk {
        harnesses,
        suites,
        plugins: global.plugins.clone(),
        model: args.model,
        workspace: args.workspace.as_deref().map(confinement::workspace).transpose()?,
        store: store.clone(),
        runtime: runtime.handle().clone(),
        evolving: Mutex::default(),
    };
    let stop = stop::on_ctrl_c();
    let served = runtime.block_on(harness_mcp::serve(desk, stop.cancelled()));
    // A read of standard input may wait for ever.
    runtime.shutdown_background();
    store.flush()?;
    served.map_err(Failure::new)
}
