//! `harness plugin`: what is installed, what a pack says of itself, a new pack, a lock. Only `run`, `bench` and `evolve` ever
//! load one.

mod inspect;
mod list;
mod lock;
mod new;

use clap::{Args, Subcommand};

use super::Global;
use crate::failure::Failure;

/// Modules come in packs: see what is installed, look into one, begin your own
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin list                                   what is installed, and what was refused and why
  harness plugin inspect gguf                           settings, tunable ranges, permissions of a pack
  harness plugin inspect ~/Downloads/libpack.so         the same of a file, before you install it
  harness plugin new my_pack --kind processor           a crate that builds
  harness plugin lock                                   pins the bytes of what is installed in harness.lock

A pack is installed by copying its .so file into .harness/plugins (or --plugins DIR, $HARNESS_PLUGINS).")]
pub struct PluginArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the installed packs and their modules; loads nothing
    List,
    /// Show everything a pack says of itself; never loads it
    Inspect(inspect::InspectArgs),
    /// Begin a pack of your own: a crate that builds without this program's sources
    New(new::NewArgs),
    /// Write harness.lock: from then on only these very files are admitted
    Lock,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: PluginArgs) -> Result<(), Failure> {
    match args.command {
        Command::List => list::run(global),
        Command::Inspect(args) => inspect::run(global, &args),
        Command::New(args) => new::run(global, &args),
        Command::Lock => lock::run(global),
    }
}
