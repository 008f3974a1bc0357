//! `harness plugin remove`: takes a pack out of the workspace and out of harness.lock.

use clap::Args;
use harness::{App, Failure, app::pack::remove};

use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin remove my_pack
  harness plugin remove my_pack@0.1.0

Only a file in .harness/plugins is deleted. One that is found elsewhere stays, and is no longer admitted.")]
pub struct RemoveArgs {
    /// The pack, and its version where several are installed
    #[arg(value_name = "NAME[@VERSION]")]
    what: String,
}

/// Removes it.
pub fn run(app: &App, global: &Global, args: &RemoveArgs) -> Result<(), Failure> {
    let removed = remove(app, &args.what)?;
    if global.json {
        return output::json(&removed);
    }
    let deleted = match &removed.deleted {
        Some(file) => format!("deleted {}", file.display()),
        None => "its file stays where it is".to_owned(),
    };
    let unlocked = if removed.unlocked { "; it is no longer in harness.lock" } else { "" };
    output::line(format_args!("removed {} {}: {deleted}{unlocked}", removed.name, removed.version))
}
