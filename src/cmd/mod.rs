//! The subcommands, one per file.

mod bench;
mod bundle;
mod data;
mod edit;
mod evolve;
mod mcp;
mod memory;
mod model;
mod plugin;
mod run;
mod sandbox;
mod serve;
mod suite;
mod trace;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::failure::Failure;

/// A foundry for agent harnesses: run them, examine them, evolve them by evidence.
///
/// A harness is a file, harness.toml: prompts, tools, memory, planning, control as modules, around a model that never changes.
/// Modules come in packs, .so files that you drop into .harness/plugins. `harness evolve` picks among what is installed
/// and ships only what it can prove on tasks nothing was tuned on.
#[derive(Debug, Parser)]
#[command(name = "harness", version, propagate_version = true)]
#[command(
    after_help = "Begin with:\n  harness plugin list\n  harness bench functions --model random\n  harness evolve functions --model smollm2 --data bfcl"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every subcommand.
#[derive(Debug, Args)]
pub struct Global {
    /// Search this folder for packs first (repeatable); then $HARNESS_PLUGINS, .harness/plugins, the user's data directory
    #[arg(long, global = true, value_name = "DIR")]
    pub plugins: Vec<PathBuf>,
    /// Print one JSON object for machines instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take a benchmark with a harness: how often does it succeed?
    Bench(bench::BenchArgs),
    Evolve(Box<evolve::EvolveArgs>),
    Plugin(plugin::PluginArgs),
    Run(run::RunArgs),
    Serve(serve::ServeArgs),
    Mcp(mcp::McpArgs),
    Bundle(bundle::BundleArgs),
    Edit(edit::EditArgs),
    Suite(suite::SuiteArgs),
    Memory(memory::MemoryArgs),
    Model(model::ModelArgs),
    Data(data::DataArgs),
    Trace(trace::TraceArgs),
    #[command(hide = true)]
    PluginHost,
    #[command(hide = true)]
    SandboxExec,
}

/// Runs the subcommand.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Bench(args) => bench::run(&cli.global, args),
        Command::Evolve(args) => evolve::run(&cli.global, &args),
        Command::Plugin(args) => plugin::run(&cli.global, args),
        Command::Run(args) => run::run(&cli.global, args),
        Command::Serve(args) => serve::run(&cli.global, &args),
        Command::Mcp(args) => mcp::run(&cli.global, args),
        Command::Bundle(args) => bundle::run(&cli.global, &args),
        Command::Edit(args) => edit::run(&cli.global, &args),
        Command::Suite(args) => suite::run(&cli.global, args),
        Command::Memory(args) => memory::run(&cli.global, args),
        Command::Model(args) => model::run(&cli.global, args),
        Command::Data(args) => data::run(&cli.global, args),
        Command::Trace(args) => trace::run(&cli.global, args),
        Command::PluginHost => plugin::host::run(),
        Command::SandboxExec => sandbox::run(),
    }
}
