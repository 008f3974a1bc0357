//! `harness plugin lock`: pins every installed file by its bytes, and what the tools of a harness show where their bytes do not say.

use std::path::PathBuf;

use clap::Args;
use harness::{App, Failure, app::pack::lock};

use crate::cli::{Global, output, progress::shown};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin lock                approves all that is installed as it is
  harness plugin lock my.toml        and what the MCP servers of my.toml show to a model: they are started, and asked

What a server shows is printed when it is new or not what was approved: read it, since a model will.")]
pub struct LockArgs {
    /// Harnesses whose tools show what comes from elsewhere
    #[arg(value_name = "FILE.toml")]
    files: Vec<PathBuf>,
}

/// Writes `harness.lock`.
pub fn run(app: &App, global: &Global, args: &LockArgs) -> Result<(), Failure> {
    let locked = shown(global, |control| lock(app, &args.files, control))?;
    if global.json {
        return output::json(&locked);
    }
    for line in &locked.packs {
        output::line(format_args!("{:<9} {} {} sha256 {}", line.change, line.name, line.version, line.sha256))?;
    }
    for tool in &locked.tools {
        output::line(format_args!("{:<9} tools of {} ({}) sha256 {}", tool.change, tool.id, tool.module, tool.shown))?;
        for (place, words) in &tool.texts {
            output::line(format_args!("          {place}: {words}"))?;
        }
    }
    for error in &locked.refused {
        output::line(format_args!("refused   {error}"))?;
    }
    let tools = match locked.locked_tools {
        0 => String::new(),
        count => format!(" and what {count} configurations of tools show"),
    };
    output::line(format_args!("{} packs{tools} are locked in {}", locked.locked_packs, locked.lock.display()))
}
