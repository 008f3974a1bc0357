//! The sources of `harness-abi` as this program was built with them: what a pack compiles against, written where the pack is.
//! Refuses to write over another version.

use std::path::Path;

use crate::Failure;

/// Its manifest; `{{abi}}` stands for the version.
const MANIFEST: &str = include_str!("templates/abi.toml");

macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../harness-core/abi/src/", $name)))),+]
    };
}

/// Every file of its `src`.
const SOURCES: &[(&str, &str)] = sources![
    "admit.rs",
    "boxed.rs",
    "c/config.rs",
    "c/context.rs",
    "c/mod.rs",
    "context.rs",
    "decision.rs",
    "environment.rs",
    "error.rs",
    "hook.rs",
    "kit.rs",
    "lib.rs",
    "message.rs",
    "message_json.rs",
    "model.rs",
    "pack.rs",
    "processor.rs",
    "records.rs",
    "tool.rs",
];

/// Puts the interface into `folder`; one that is there must be this very one.
pub(super) fn put(folder: &Path) -> Result<(), Failure> {
    let manifest = MANIFEST.replace("{{abi}}", harness_abi::ABI_VERSION);
    let sources = SOURCES.iter().map(|(name, text)| (format!("src/{name}"), *text));
    let files: Vec<(String, &str)> = sources.chain([("Cargo.toml".to_owned(), &*manifest)]).collect();
    if folder.exists() {
        let same =
            |(path, text): &(String, &str)| std::fs::read_to_string(folder.join(path)).is_ok_and(|old| old == *text);
        return match files.iter().find(|file| !same(file)) {
            None => Ok(()),
            Some((path, _)) => Err(Failure::input(format!(
                "{} is there already and is another version of the interface: {path} differs",
                folder.display()
            ))
            .hint("choose another --dir, or move it away")),
        };
    }
    files.iter().try_for_each(|(path, text)| super::write(&folder.join(path), text))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use super::*;

    fn root() -> PathBuf {
        env!("CARGO_MANIFEST_DIR").into()
    }

    #[test]
    fn every_source_is_embedded() {
        let folder = root().join("harness-core/abi/src");
        let name = |path: PathBuf| path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let mut names: Vec<String> = files(&folder).into_iter().map(name).collect();
        names.sort();
        assert_eq!(names, SOURCES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    /// Requirement and features of a dependency; every one must be as this program itself has it.
    fn dependencies(text: &str, path: &[&str]) -> BTreeMap<String, String> {
        let mut table: toml::Value = text.parse::<toml::Table>().unwrap().into();
        for key in path {
            table = table[*key].clone();
        }
        table.as_table().unwrap().iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    }

    #[test]
    fn it_depends_on_what_this_program_depends_on() {
        let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
        let ours = dependencies(&read("harness-core/abi/Cargo.toml"), &["dependencies"]);
        let theirs = dependencies(MANIFEST, &["dependencies"]);
        let workspace = dependencies(&read("Cargo.toml"), &["workspace", "dependencies"]);
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (name, requirement) in theirs {
            assert_eq!(workspace[&name], requirement, "{name}");
        }
    }
}
