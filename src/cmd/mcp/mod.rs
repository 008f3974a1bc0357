//! `harness mcp`: this program as a server of the Model Context Protocol.

mod desk;
mod serve;
mod tools;

use clap::{Args, Subcommand};

use super::Global;
use crate::failure::Failure;

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
    Serve(serve::ServeArgs),
}

/// Runs the subcommand.
pub fn run(global: &Global, args: McpArgs) -> Result<(), Failure> {
    match args.command {
        Command::Serve(args) => serve::run(global, args),
    }
}
