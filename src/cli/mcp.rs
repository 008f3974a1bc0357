//! `harness mcp`: this program as a server of the Model Context Protocol. The harnesses and suites that are named on the command line may be
//! used, and no others: a client's model cannot name a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use harness::Failure;

use super::{Global, stop};
use crate::mcp::{self, ServerRequest};

/// Offer what this program does to MCP clients: assistants, editors, other agents
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness mcp serve my.toml                           a client may run tasks with this harness and read the record
  harness mcp serve my.toml --suite tickets           and check the suite, and evolve on it
  harness mcp serve --help                            how a client is configured")]
pub struct McpArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(ServeArgs),
}

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
    /// A suite that may be checked and evolved on: a folder with a suite.toml, or everyday, functions, household, menus, mixed (repeatable)
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

/// Runs the subcommand: serves until the client leaves, or Ctrl-C.
pub fn run(global: &Global, args: McpArgs) -> Result<(), Failure> {
    let Command::Serve(args) = args.command;
    if let Some(folder) = &args.directory {
        std::env::set_current_dir(folder)
            .map_err(|error| Failure::input(format!("cannot work in {}: {error}", folder.display())))?;
    }
    let request =
        ServerRequest { files: args.files, suites: args.suites, model: args.model, workspace: args.workspace };
    mcp::serve(global.app()?, &request, &stop::on_ctrl_c())
}
