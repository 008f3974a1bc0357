//! Models by the names people give them.

use harness_spec::{Config, Harness, ModelSpec, ModuleRef};

use super::model;
use crate::{Failure, Workspace};

/// The model of the pack `gguf` where nobody names one.
const DEFAULT: &str = "smollm2";

/// The model of a name.
///
/// A model that `harness model pull` fetches by name (`smollm2`, which is also `gguf`, `qwen2.5-coder-0.5b`, …), `gguf:FILE`,
/// `openai:NAME`, `anthropic:NAME`, a control (`random`, `first`, `noop`), or any `pack/module`. The workspace's `OPENAI_BASE_URL` and `ANTHROPIC_BASE_URL` say where a server is
/// and become part of the value.
///
/// # Errors
///
/// No model has this name.
pub fn model_named(workspace: &Workspace, name: &str) -> Result<ModelSpec, Failure> {
    // Weights with a name here are a value of the same name everywhere: where they lie is not part of it.
    if let Some(stem) = model::stem_of(name).filter(|_| name != DEFAULT) {
        let module: ModuleRef = "gguf/gguf".parse().map_err(Failure::input)?;
        let config = Config::from_iter([("model".to_owned(), stem.into())]);
        return Ok(ModelSpec { module, config, fallbacks: Vec::new() });
    }
    let (kind, rest) = name.split_once(':').map_or((name, None), |(kind, rest)| (kind, Some(rest)));
    let (module, key) = match kind {
        "gguf" | DEFAULT => ("gguf/gguf", "path"),
        "openai" => ("models/openai", "model"),
        "anthropic" => ("models/anthropic", "model"),
        "random" | "first" | "noop" => (&*format!("std/{kind}"), ""),
        _ if kind.contains('/') => (kind, ""),
        _ => {
            return Err(Failure::input(format!("no model `{name}`")).hint(format!(
                "--model {} (after `harness model pull NAME`), gguf:FILE, openai:NAME, anthropic:NAME, random, first, noop, or a module `pack/module`",
                model::names()
            )));
        }
    };
    let module: ModuleRef = module.parse().map_err(Failure::input)?;
    let mut config = Config::new();
    match (rest, key) {
        (Some(rest), key) if !key.is_empty() => {
            config.insert(key.to_owned(), rest.into());
        }
        (Some(rest), _) => {
            return Err(Failure::input(format!("model `{kind}` takes nothing after the colon, got `{rest}`")));
        }
        (None, _) if matches!(kind, "openai" | "anthropic") => {
            return Err(Failure::input(format!("which model of the server? write {kind}:NAME")));
        }
        (None, _) => {}
    }
    // As the clients of these protocols do; it becomes part of the value, so that the record says which server it was.
    let variable = match kind {
        "openai" => Some("OPENAI_BASE_URL"),
        "anthropic" => Some("ANTHROPIC_BASE_URL"),
        _ => None,
    };
    let base = variable.map_or(Ok(None), |name| workspace.var(name)).map_err(Failure::input)?;
    config.extend(base.map(|base| ("base_url".to_owned(), base.into())));
    Ok(ModelSpec { module, config, fallbacks: Vec::new() })
}

/// The model that plays: the one given, else the harness's own, else the small one that everybody can fetch.
pub(super) fn main_model(workspace: &Workspace, given: Option<&str>, harness: &Harness) -> Result<ModelSpec, Failure> {
    match (given, harness.models.get("main")) {
        (Some(given), _) => model_named(workspace, given),
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => model_named(workspace, DEFAULT),
    }
}

/// What a model is called where there is room for a few words: its module and which of them, where its config says.
pub(super) fn short_name(model: &ModelSpec) -> String {
    if model.module.pack == "gguf" && !model.config.contains_key("path") {
        let stem = model.config.get("model").and_then(|stem| stem.as_str());
        return stem.map_or(DEFAULT, |stem| model::name_of(stem).unwrap_or(stem)).to_owned();
    }
    let which = ["model", "path"].iter().find_map(|key| model.config.get(*key)?.as_str());
    which.map_or_else(|| model.module.to_string(), |which| format!("{}:{which}", model.module.module))
}
