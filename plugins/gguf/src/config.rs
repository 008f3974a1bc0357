//! The configuration of the module and the one place that knows where weights live by default.

use crate::engine::Options;
use serde::Deserialize;
use std::path::PathBuf;

/// Configuration of [`crate::GgufModel`]; the defaults are those of the manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The GGUF file; empty for [`default_path`].
    #[serde(default)]
    pub path: String,
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
    pub fn path(&self) -> PathBuf {
        if self.path.is_empty() { default_path() } else { self.path.as_str().into() }
    }

    /// The options of the engine.
    pub fn options(&self) -> Options {
        Options { threads: self.threads, context: self.context, cache_mb: self.cache_mb }
    }
}

/// Where `harness model pull smollm2` keeps the weights: the user's cache directory.
pub fn default_path() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| PathBuf::from(".cache"));
    cache.join("harness/models/smollm2-135m-instruct-q4_1.gguf")
}
