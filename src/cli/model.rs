//! `harness model`: which language models can be named, and fetching the one that runs here.

use clap::{Args, Subcommand};
use harness::{App, Failure, app::model};
use serde_json::json;

use super::{Global, output, progress::shown};

/// Language models: which there are, and fetching the one that runs on this machine
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness model pull smollm2                 weights of SmolLM2-135M-Instruct into your cache (once)
  harness model pull https://example.org/m.gguf --sha256 HEX   other weights; a download that breaks off goes on
  harness model list                         what can be given to --model
  harness bench functions --model smollm2")]
pub struct ModelArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch a model's weights and check them
    Pull {
        /// Which: smollm2, or the http or https address of a GGUF file
        #[arg(value_name = "NAME|URL")]
        name: String,
        /// What the file at the address must have, 64 hex digits
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
    },
    /// Show what can be given to --model
    List,
}

/// Runs the subcommand.
pub fn run(app: &App, global: &Global, args: ModelArgs) -> Result<(), Failure> {
    match args.command {
        Command::Pull { name, sha256 } if name.contains("://") => pull_address(app, global, &name, sha256.as_deref()),
        Command::Pull { name, sha256: None } => pull(app, global, &name),
        Command::Pull { name, sha256: Some(_) } => {
            Err(Failure::input(format!("the sha256 of `{name}` is known here; --sha256 goes with an address")))
        }
        Command::List => list(app, global),
    }
}

fn list(app: &App, global: &Global) -> Result<(), Failure> {
    let models = model::list(app);
    if global.json {
        return output::json(&json!({"models": models}));
    }
    for model in &models {
        output::line(format_args!("{:<12} {}", model.name, model.about))?;
        match (&model.path, model.pulled) {
            (Some(path), Some(true)) => output::line(format_args!("{:<12} pulled: {}", "", path.display()))?,
            (Some(_), _) => output::line(format_args!("{:<12} not pulled: `harness model pull {}`", "", model.name))?,
            (None, _) => {}
        }
    }
    output::line(format_args!("{:<12} a model of any installed pack (`harness plugin list`)", "pack/module"))
}

fn pull(app: &App, global: &Global, name: &str) -> Result<(), Failure> {
    let pulled = shown(global, |control| model::pull(app, name, control))?;
    if global.json {
        return output::json(&pulled);
    }
    let is = if pulled.was_there { "is there:" } else { "is now in" };
    output::line(format_args!("{} {is} {}", pulled.name, pulled.path.display()))
}

fn pull_address(app: &App, global: &Global, url: &str, sha256: Option<&str>) -> Result<(), Failure> {
    let Some(sha256) = sha256 else {
        return Err(Failure::input("an address needs --sha256: what comes from it is known by nothing else")
            .hint("whoever publishes weights gives their sha256 beside them"));
    };
    let pulled = shown(global, |control| model::pull_address(app, url, sha256, control))?;
    if global.json {
        return output::json(&pulled);
    }
    let is = if pulled.was_there { "is there:" } else { "is now in" };
    let (name, path) = (&pulled.name, pulled.path.display());
    output::line(format_args!("{name} {is} {path}; play with it as --model gguf:{path}"))
}
