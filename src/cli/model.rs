//! `harness model`: which language models can be named, fetching those that run here, and how fast they are.

use clap::{Args, Subcommand};
use harness::{
    App, Failure,
    app::model::{self, Named, Pulled, Speed},
};
use serde_json::json;

use super::{
    Global, output,
    progress::{shown, watched},
};

/// Language models: which there are, fetching those that run on this machine, and their speed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness model list                         what can be given to --model
  harness model pull qwen2.5-coder-0.5b      weights into your cache (once); a download that breaks off goes on
  harness model pull hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf   other weights from the models' hub
  harness model pull https://example.org/m.gguf --sha256 HEX        or from anywhere
  harness model speed qwen2.5-coder-0.5b     how fast it is here; `model list` shows it from then on
  harness bench functions --model qwen2.5-coder-0.5b")]
pub struct ModelArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch a model's weights and check them
    Pull {
        /// Which: a name that `model list` shows, hf:OWNER/REPO/FILE, or the http or https address of a GGUF file
        #[arg(value_name = "NAME|hf:…|URL")]
        name: String,
        /// What the file must have, 64 hex digits
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
    },
    /// Show what can be given to --model: what is here, what could be, and how fast it was
    List,
    /// Measure how fast a model is on this machine: tokens of a prompt and generated ones a second, memory
    Speed {
        /// Which, as --model takes it
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Runs the subcommand.
pub fn run(app: &App, global: &Global, args: ModelArgs) -> Result<(), Failure> {
    match args.command {
        Command::Pull { name, sha256 } if name.contains("://") || name.starts_with("hf:") => {
            pull_address(app, global, &name, sha256.as_deref())
        }
        Command::Pull { name, sha256: None } => pull(app, global, &name),
        Command::Pull { name, sha256: Some(_) } => {
            Err(Failure::input(format!("the sha256 of `{name}` is known here; --sha256 goes with an address")))
        }
        Command::List => list(app, global),
        Command::Speed { name } => speed(app, global, &name),
    }
}

fn list(app: &App, global: &Global) -> Result<(), Failure> {
    let models = model::list(app);
    if global.json {
        return output::json(&json!({"models": models}));
    }
    for model in &models {
        output::line(format_args!("{:<12} {}", model.name, model.about))?;
        for line in details(model) {
            output::line(format_args!("{:<12} {line}", ""))?;
        }
    }
    output::line(format_args!("{:<12} a model of any installed pack (`harness plugin list`)", "pack/module"))
}

/// What there is to say of a model's weights.
fn details(model: &Named) -> Vec<String> {
    let (Some(path), Some(pulled)) = (&model.path, model.pulled) else { return Vec::new() };
    let size = model.bytes.map_or_else(String::new, |bytes| format!("{} MB", bytes.div_ceil(1_000_000)));
    let licence = model.licence.as_ref().map_or_else(String::new, |licence| format!(", {licence}"));
    let there = if pulled {
        format!("pulled: {}", path.display())
    } else {
        format!("not pulled: `harness model pull {}`", model.name)
    };
    let here = match (&model.speed, pulled) {
        (Some(speed), _) => Some(format!("measured here: {}", shown_speed(*speed))),
        (None, true) => Some(format!("not measured: `harness model speed {}`", model.name)),
        (None, false) => None,
    };
    [format!("{size}{licence}; {there}")].into_iter().chain(here).collect()
}

fn shown_speed(speed: Speed) -> String {
    let memory = speed.memory.map_or_else(String::new, |bytes| format!(", {} MB of memory", bytes.div_ceil(1_000_000)));
    let Speed { prompt, generation, cores, .. } = speed;
    format!("prompt {prompt:.0} and generation {generation:.0} tokens/s on {cores} cores{memory}")
}

fn pull(app: &App, global: &Global, name: &str) -> Result<(), Failure> {
    let pulled = shown(global, |control| model::pull(app, name, control))?;
    if global.json {
        return output::json(&pulled);
    }
    output::line(format_args!("{}; play with it as --model {}", is_there(&pulled), pulled.name))
}

fn is_there(pulled: &Pulled) -> String {
    let is = if pulled.was_there { "is there:" } else { "is now in" };
    format!("{} {is} {}", pulled.name, pulled.path.display())
}

fn pull_address(app: &App, global: &Global, url: &str, sha256: Option<&str>) -> Result<(), Failure> {
    let pulled = shown(global, |control| model::pull_address(app, url, sha256, control))?;
    if global.json {
        return output::json(&pulled);
    }
    output::line(format_args!("{}; play with it as --model gguf:{}", is_there(&pulled), pulled.path.display()))?;
    if pulled.pinned {
        return Ok(());
    }
    output::line(format_args!(
        "nobody said which sha256 it must have; it has {}: give it as --sha256 where the same file is wanted again",
        pulled.sha256
    ))
}

fn speed(app: &App, global: &Global, name: &str) -> Result<(), Failure> {
    let measured = watched(global, |control| model::measure(app, name, control))?;
    if global.json {
        return output::json(&measured);
    }
    output::line(format_args!("{name}: {}; loaded in {:.1} s", shown_speed(measured.speed), measured.load_seconds))?;
    output::line(format_args!(
        "the quickest of three prompts ({} tokens in all) and of three replies ({} tokens)",
        measured.prompt_tokens, measured.generated_tokens
    ))?;
    if measured.kept {
        return output::line("`harness model list` shows it from now on");
    }
    Ok(())
}
