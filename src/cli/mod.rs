//! The command line: arguments become a request, its result becomes text or JSON. One subcommand a file.

mod argv;
mod bench;
mod bundle;
mod compare;
mod completions;
mod data;
mod doctor;
mod edit;
mod evolve;
mod init;
mod mcp;
mod memory;
mod model;
mod output;
mod overview;
mod plugin;
mod progress;
mod run;
mod serve;
mod stop;
mod suite;
mod trace;
mod trust;

use std::{io::ErrorKind, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use harness::{App, Failure};

/// A foundry for agent harnesses: run them, examine them, evolve them by evidence.
///
/// A harness is a file, harness.toml: prompts, tools, memory, planning, control as modules, around a model that never changes.
/// Modules come in packs, .so files that you drop into .harness/plugins. `harness evolve` picks among what is installed
/// and ships only what it can prove on tasks nothing was tuned on.
#[derive(Debug, Parser)]
#[command(name = "harness", version, propagate_version = true)]
#[command(
    after_help = "Begin with:\n  harness                    where you are, and the next command\n  harness doctor             what is missing on this machine\n  harness init               a suite of your own tasks"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every subcommand.
#[derive(Debug, Args)]
pub struct Global {
    /// Search this folder for packs first (repeatable); then $HARNESS_PLUGINS, .harness/plugins, the user's data directory
    #[arg(long, global = true, value_name = "DIR")]
    pub plugins: Vec<PathBuf>,
    /// Trust the folders that this one command names, as in CI; also $HARNESS_TRUST_FOLDER=1. `harness trust` says what else there is
    #[arg(long, global = true)]
    pub trust_folder: bool,
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
    Compare(compare::CompareArgs),
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
    Trust(trust::TrustArgs),
    Init(init::InitArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
    #[command(hide = true)]
    PluginHost,
    #[command(hide = true)]
    SandboxExec,
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(shown) => return tell(&shown),
    };
    let json = cli.global.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output::failure(&failure, json),
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

impl Global {
    /// The application, in the current folder.
    fn app(&self) -> Result<App, Failure> {
        let app = App::builder().plugins(self.plugins.iter().cloned()).trust_folders(self.trust_folder);
        let app = own_plugins().into_iter().fold(app, harness::AppBuilder::own_plugins);
        app.command(argv::command_line()).build()
    }
}

/// The folder of packs that were installed along with this program: `share/harness/plugins` beside the folder of the binary.
fn own_plugins() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent()?.parent()?.join("share/harness/plugins");
    folder.is_dir().then_some(folder)
}

fn run(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    let Some(command) = cli.command else { return overview::run(&global.app()?, global) };
    match command {
        Command::Bench(args) => bench::run(&global.app()?, global, args),
        Command::Compare(args) => compare::run(&global.app()?, global, args),
        Command::Evolve(args) => evolve::run(&global.app()?, global, *args),
        Command::Plugin(args) => plugin::run(&global.app()?, global, args),
        Command::Run(args) => run::run(&global.app()?, global, args),
        Command::Serve(args) => serve::run(&global.app()?, global, args),
        // It may work in another folder than this one.
        Command::Mcp(args) => mcp::run(global, args),
        Command::Bundle(args) => bundle::run(&global.app()?, global, args),
        Command::Edit(args) => edit::run(&global.app()?, global, args),
        Command::Suite(args) => suite::run(&global.app()?, global, args),
        Command::Memory(args) => memory::run(&global.app()?, global, args),
        Command::Model(args) => model::run(&global.app()?, global, args),
        Command::Data(args) => data::run(&global.app()?, global, args),
        Command::Trace(args) => trace::run(&global.app()?, global, args),
        Command::Trust(args) => trust::run(&global.app()?, global, args),
        Command::Init(args) => init::run(&global.app()?, global, args),
        Command::Doctor(args) => doctor::run(&global.app()?, global, args),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
        Command::PluginHost => harness::app::child::plugin_host(),
        Command::SandboxExec => harness::app::child::sandbox_exec(),
    }
}

/// `KEY=VALUE`, each given with this option.
fn settings(option: &str, given: &[String]) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    given.iter().map(|text| harness::app::key_value(option, text)).collect()
}
