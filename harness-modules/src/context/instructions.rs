//! `instructions`: the words that a project has for agents, as other agents read them: `AGENTS.md` of the working folder and of the
//! folders above it up to the repository's root, the nearest last, so that it has the last word. Refuses to go on without any, and to
//! follow a link out of the repository.

use std::path::{Path, PathBuf};

use harness_abi::{Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{beneath::beneath, skill_folder};

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
    above(&here, path).map_err(ModuleError::config)
}

/// The files called `name` in `here` and above, the farthest first. In no repository that of `here` alone, for what lies above it
/// belongs to others. None lies outside of the repository, wherever a link leads.
fn above(here: &Path, name: &Path) -> Result<Vec<PathBuf>, String> {
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(here);
    let folders = here.ancestors().take_while(|folder| folder.starts_with(root));
    let mut files: Vec<PathBuf> = folders.map(|folder| folder.join(name)).filter(|file| file.is_file()).collect();
    files.reverse();
    let stays = |file: &PathBuf| {
        beneath(root, file).map_err(|why| {
            format!("instructions: {} {why}; put the text there, or name its file by its path", file.display())
        })
    };
    files.iter().map(stays).collect()
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
        let sha256 = hex::encode(Sha256::digest(&text));
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

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn files_of_the_repository_are_read_and_none_outside_of_it() {
        let all = tempfile::tempdir().unwrap();
        let all = all.path().canonicalize().unwrap();
        let (root, here, name) = (all.join("repository"), all.join("repository/a/b"), Path::new("AGENTS.md"));
        fs::create_dir_all(&here).unwrap();
        for folder in [&all, &root, &here] {
            fs::write(folder.join(name), "words").unwrap();
        }
        // In no repository: the one that lies here.
        assert_eq!(above(&here, name), Ok(vec![here.join(name)]));
        assert_eq!(above(&root.join("a"), name), Ok(Vec::new()));
        fs::create_dir(root.join(".git")).unwrap();
        assert_eq!(above(&here, name), Ok(vec![root.join(name), here.join(name)]));
        // A link within it is followed.
        symlink("b/AGENTS.md", root.join("a/AGENTS.md")).unwrap();
        assert_eq!(above(&here, name), Ok(vec![root.join(name), here.join(name), here.join(name)]));
        fs::remove_file(root.join("a/AGENTS.md")).unwrap();
        // One that leads out is not, here or above.
        for from in [&here, &root] {
            fs::remove_file(from.join(name)).unwrap();
            symlink(all.join(name), from.join(name)).unwrap();
            let why = above(&here, name).unwrap_err();
            assert!(why.contains(&format!("{} is a link out of", from.join(name).display())), "{why}");
            fs::remove_file(from.join(name)).unwrap();
            fs::write(from.join(name), "words").unwrap();
        }
        fs::remove_dir(root.join(".git")).unwrap();
        fs::remove_file(here.join(name)).unwrap();
        symlink("../../AGENTS.md", here.join(name)).unwrap();
        assert!(above(&here, name).unwrap_err().contains("is a link out of"));
    }
}
