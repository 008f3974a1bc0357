//! The configuration of the module and the one place that knows where weights live by default.

use crate::engine::Options;
use serde::Deserialize;
use std::path::PathBuf;

/// Configuration of [`crate::GgufModel`]; the defaults are those of the manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The GGUF file; empty for the one that `model` names.
    #[serde(default)]
    pub path: String,
    /// What the file is called in the user's folder of models, without `.gguf`; empty for [`default_path`].
    #[serde(default)]
    pub model: String,
    /// Threads of a pass; 0 for all cores.
    #[serde(default)]
    pub threads: usize,
    /// Most tokens of prompt and reply together; 0 for what the model was trained for.
    #[serde(default)]
    pub context: usize,
    /// Bound of the key/value cache in MiB.
    #[serde(default = "cache_mb")]
    pub cache_mb: usize,
}

fn cache_mb() -> usize {
    Options::default().cache_mb
}

impl Config {
    /// The file to load.
    ///
    /// # Errors
    ///
    /// `path` and `model` are both given, or `model` is no name of a file.
    pub fn file(&self) -> Result<PathBuf, String> {
        let Self { path, model, .. } = self;
        match (path.as_str(), model.as_str()) {
            ("", "") => Ok(default_path()),
            (path, "") => Ok(path.into()),
            ("", model) if model.contains(['/', '\\']) || model.starts_with('.') => Err(format!(
                "`model` is `{model}`, which is no name of a file in the folder of models; a path goes into `path`"
            )),
            ("", model) => Ok(models().join(format!("{model}.gguf"))),
            _ => Err("`path` and `model` are both given; one of them says which file it is".to_owned()),
        }
    }

    /// The options of the engine.
    pub fn options(&self) -> Options {
        Options { threads: self.threads, context: self.context, cache_mb: self.cache_mb }
    }
}

/// Where `harness model pull smollm2` keeps the weights.
pub fn default_path() -> PathBuf {
    models().join("smollm2-135m-instruct-q4_1.gguf")
}

/// The folder of models in the user's cache directory.
fn models() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| PathBuf::from(".cache"));
    cache.join("harness/models")
}
