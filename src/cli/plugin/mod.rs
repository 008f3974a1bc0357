//! `harness plugin`: what is installed, what a pack says of itself, a new pack, its keys and signature, and its way into a workspace
//! and out of it.

mod add;
mod check;
mod inspect;
mod keygen;
mod list;
mod lock;
mod new;
mod release;
mod remove;
mod sign;
mod trust;
mod verify;

use clap::{Args, Subcommand};
use harness::{App, Failure};

use super::Global;

/// Modules come in packs: see what is installed, look into one, add one, begin your own
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin list                                   what is installed, who signed it, and what was refused and why
  harness plugin inspect ~/Downloads/libpack.so         settings, tunable ranges, permissions of a pack; runs none of it
  harness plugin add ~/Downloads/libpack.so             installs it once you approved what it asks for
  harness plugin verify                                 is everything as it was approved?

  harness plugin new my_pack --kind processor           a crate that builds
  harness plugin check libmy_pack.so                    does it do what its kinds must do?
  harness plugin keygen && harness plugin sign libmy_pack.so --key publisher.key

A .so file that you copy into .harness/plugins yourself (or --plugins DIR, $HARNESS_PLUGINS) is installed too, while there is no
harness.lock.")]
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
    /// Put a pack's modules through what their kinds must do
    Check(check::CheckArgs),
    /// Install a pack: what it asks for is shown, approved, and pinned in harness.lock
    Add(add::AddArgs),
    /// Install a newer version of a pack: what is new is shown and approved
    Update(add::AddArgs),
    /// Take a pack away
    Remove(remove::RemoveArgs),
    /// Let a pack out of quarantine
    Release(release::ReleaseArgs),
    /// Check that everything is as harness.lock says; starts tools to read what they say of themselves
    Verify,
    /// Approve all that is installed as it is: writes harness.lock, and from then on only these very files are admitted
    Lock(lock::LockArgs),
    /// Let a publisher's packs run inside this process, on this machine
    Trust(trust::TrustArgs),
    /// Make a publisher's pair of keys
    Keygen(keygen::KeygenArgs),
    /// Sign a pack
    Sign(sign::SignArgs),
}

/// Runs the subcommand.
pub fn run(app: &App, global: &Global, args: PluginArgs) -> Result<(), Failure> {
    match args.command {
        Command::List => list::run(app, global),
        Command::Inspect(args) => inspect::run(app, global, &args),
        Command::New(args) => new::run(global, args),
        Command::Check(args) => check::run(app, global, args),
        Command::Add(args) => add::run(app, global, args, false),
        Command::Update(args) => add::run(app, global, args, true),
        Command::Remove(args) => remove::run(app, global, &args),
        Command::Release(args) => release::run(app, global, &args),
        Command::Verify => verify::run(app, global),
        Command::Lock(args) => lock::run(app, global, &args),
        Command::Trust(args) => trust::run(app, global, args),
        Command::Keygen(args) => keygen::run(global, &args),
        Command::Sign(args) => sign::run(global, args),
    }
}
