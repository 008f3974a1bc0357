//! `harness plugin release`: lets a pack out of quarantine.

use clap::Args;
use harness::{App, Failure, app::pack::release};
use serde_json::json;

use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin release my_pack

A pack comes into quarantine when its process had to be ended too often; `harness plugin list` says why. Another file of the same
name was never in it.")]
pub struct ReleaseArgs {
    /// The pack
    #[arg(value_name = "NAME")]
    name: String,
}

/// Lets it out.
pub fn run(app: &App, global: &Global, args: &ReleaseArgs) -> Result<(), Failure> {
    let out = release(app, &args.name)?;
    if global.json {
        return output::json(&json!({"released": out}));
    }
    let lines =
        out.iter().map(|pack| format!("{} {} is released; it was in because {}", pack.name, pack.version, pack.reason));
    output::line(lines.collect::<Vec<_>>().join("\n"))
}
