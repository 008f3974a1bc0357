//! `harness plugin release`: lets a pack out of quarantine. Refuses to say whether it has become better.

use clap::Args;
use harness_host::{quarantined, release};
use serde_json::json;

use super::Global;
use crate::{failure::Failure, output, wire};

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
pub fn run(global: &Global, args: &ReleaseArgs) -> Result<(), Failure> {
    let files = wire::quarantine();
    let out = release(&files, &args.name).map_err(Failure::input)?;
    if out.is_empty() {
        let names: Vec<String> =
            quarantined(&files).map_err(Failure::input)?.into_iter().map(|pack| pack.name).collect();
        let hint = if names.is_empty() { "none is".to_owned() } else { format!("these are: {}", names.join(", ")) };
        return Err(Failure::input(format!("no pack `{}` is in quarantine", args.name)).hint(hint));
    }
    if global.json {
        return output::json(&json!({"released": out}));
    }
    let lines =
        out.iter().map(|pack| format!("{} {} is released; it was in because {}", pack.name, pack.version, pack.reason));
    output::line(lines.collect::<Vec<_>>().join("\n"))
}
