//! `instructions`: the words that a project has for agents, as other agents read them: `AGENTS.md` of the working folder and of the
//! folders above it up to the repository's root, the nearest last, so that it has the last word. Refuses to go on without any.

use std::path::{Path, PathBuf};

use harness_abi::{Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::skill_folder;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    file: String,
    max_bytes: usize,
    sha256: String,
}

/// The processor.
#[derive(Debug)]
pub struct Instructions {
    text: String,
    sha256: String,
}

/// The files, the farthest first.
fn found(file: &str) -> Result<Vec<PathBuf>, ModuleError> {
    let path = Path::new(file);
    if path.components().count() != 1 || path.is_absolute() {
        return Ok(if path.is_file() { vec![path.to_owned()] } else { Vec::new() });
    }
    let here = std::env::current_dir()
        .map_err(|error| ModuleError::config(format_args!("the working folder is not there: {error}")))?;
    let mut files = Vec::new();
    for folder in here.ancestors() {
        let candidate = folder.join(path);
        if candidate.is_file() {
            files.push(candidate);
        }
        if folder.join(".git").exists() {
            files.reverse();
            return Ok(files);
        }
    }
    // In no repository: the working folder alone, for what lies above it belongs to others.
    let own = here.join(path);
    Ok(files.into_iter().filter(|file| *file == own).collect())
}

impl Instructions {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is not the one that `sha256` names.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        let file = &config.file;
        let fail = |what: String| ModuleError::config(format_args!("instructions: {what}"));
        let files = found(file)?;
        if files.is_empty() {
            return Err(fail(format!(
                "there is no {file} here or above, up to the repository's root; write one, or take this module out"
            )));
        }
        let texts =
            files.iter().map(|path| skill_folder::text(path).map_err(|why| fail(format!("{} {why}", path.display()))));
        let text =
            texts.collect::<Result<Vec<_>, _>>()?.iter().map(|text| text.trim()).collect::<Vec<_>>().join("\n\n");
        if text.len() > config.max_bytes {
            return Err(fail(format!("{file} has {} bytes, more than max_bytes = {}", text.len(), config.max_bytes)));
        }
        let sha256 = skill_folder::hex(&Sha256::digest(&text));
        if !config.sha256.is_empty() && config.sha256 != sha256 {
            return Err(fail(format!("the digest of {file} is {sha256}, the harness was made for {}", config.sha256)));
        }
        Ok(Self { text, sha256 })
    }
}

impl Processor for Instructions {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::TaskStart = event else { return pass() };
        let system = [cx.system(), &self.text].join("\n\n");
        Ok(vec![Decision::annotate("instructions", &json!({"sha256": self.sha256})), Decision::system(system.trim())])
    }
}
