//! A workspace beside the real one in which the interface is of this version or of the simulated next: `harness-abi`,
//! `harness-spec`, `harness-host` and what that stands on as they are, the kept pack's source, and a small host. Never touches the real sources.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{Failure, Outcome},
    place, process,
};

/// A version of the interface.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// As the sources are.
    This,
    /// With `tests/growth/next.diff` applied: a method more in every trait, fields and variants more.
    Next,
}

impl Version {
    /// Its number: this one's from the manifest, the next minor one after it.
    pub fn number(self) -> Outcome<String> {
        let path = place::root().join("harness-core/abi/Cargo.toml");
        let text = read(&path)?;
        let number = text.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
        let wrong = || Failure::new(format!("{}: no version", path.display()));
        let number = number.ok_or_else(wrong)?;
        let mut parts = number.split('.').map(|part| part.parse::<u32>());
        match (parts.next(), parts.next(), self) {
            (Some(Ok(_)), Some(Ok(_)), Self::This) => Ok(number.to_owned()),
            (Some(Ok(major)), Some(Ok(minor)), Self::Next) => Ok(format!("{major}.{}.0", minor + 1)),
            _ => Err(wrong()),
        }
    }

    /// The name of its kept pack; a name has no dots.
    pub fn pack(self) -> Outcome<String> {
        Ok(format!("fixture-{}", self.number()?.replace('.', "-")))
    }

    fn folder(self) -> PathBuf {
        place::target().join("growth").join(if self == Self::This { "this" } else { "next" })
    }
}

const CRATES: [&str; 6] = ["abi", "spec", "files", "sandbox", "terminal", "host"];

/// Sections of the real workspace's manifest that hold here too.
const SHARED: [&str; 5] = [
    "[workspace.package]",
    "[workspace.dependencies]",
    "[workspace.lints",
    "[profile.dev]",
    "[profile.dev.package.\"*\"]",
];

const WORKSPACE: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"harness-core/*\", \"pack\", \"host\"]\n\n";

const PROFILE: &str = "\n[profile.fixture]\ninherits = \"release\"\nopt-level = \"z\"\nlto = \"fat\"\ncodegen-units = 1\n\
    strip = \"symbols\"\npanic = \"unwind\"\n";

const PACK: &str = "[package]\nname = \"growth-pack\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
    [lib]\ncrate-type = [\"cdylib\"]\n\n[features]\nnext = []\nDEFAULT\n\n\
    [dependencies]\nharness-abi.workspace = true\nserde_json.workspace = true\n";

const HOST: &str = "[package]\nname = \"growth-host\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
    [features]\nnext = []\nDEFAULT\n\n\
    [dependencies]\nharness-abi.workspace = true\nharness-host.workspace = true\nharness-spec.workspace = true\n\
    libloading.workspace = true\nserde_json.workspace = true\n";

/// Writes the workspace and gives its folder. Files that have not changed keep their times, so little is built again.
pub fn write(version: Version) -> Outcome<PathBuf> {
    let (real, root) = (place::root(), version.folder());
    let fresh = root.with_extension("fresh");
    let _ = fs::remove_dir_all(&fresh);
    for name in CRATES {
        copy(&real.join("harness-core").join(name).join("src"), &fresh.join("harness-core").join(name).join("src"))?;
        let manifest = read(&real.join("harness-core").join(name).join("Cargo.toml"))?;
        put(&fresh.join("harness-core").join(name).join("Cargo.toml"), &without_tests(&manifest))?;
    }
    if version == Version::Next {
        let mut git = Command::new("git");
        git.current_dir(&fresh).args(["apply", "-C1", "-p1"]);
        // Outside of a repository's eyes, or it would take the paths for its own.
        process::run(git.arg(super::folder().join("next.diff")).env("GIT_CEILING_DIRECTORIES", place::target()))?;
    }
    let default = if version == Version::Next { "default = [\"next\"]" } else { "" };
    let source = super::folder();
    put(&fresh.join("pack/Cargo.toml"), &PACK.replace("DEFAULT", default))?;
    put(&fresh.join("pack/src/lib.rs"), &read(&source.join("pack.rs"))?)?;
    let manifest = read(&source.join("pack.toml"))?.replace("{{abi}}", &version.number()?);
    put(&fresh.join("pack/pack.toml"), &manifest.replace("{{pack}}", &version.pack()?))?;
    put(&fresh.join("host/Cargo.toml"), &HOST.replace("DEFAULT", default))?;
    put(&fresh.join("host/src/main.rs"), &read(&source.join("host.rs"))?)?;
    put(&fresh.join("host/src/exercise.rs"), &read(&source.join("exercise.rs"))?)?;
    let shared = sections(&read(&real.join("Cargo.toml"))?, |head| SHARED.iter().any(|one| head.starts_with(one)));
    put(&fresh.join("Cargo.toml"), &format!("{WORKSPACE}{shared}{PROFILE}"))?;
    put(&fresh.join("Cargo.lock"), &read(&real.join("Cargo.lock"))?)?;
    copy_changed(&fresh, &root)?;
    fs::remove_dir_all(&fresh).map_err(|error| Failure::file(&fresh, error))?;
    Ok(root)
}

/// Brings `to` to what `from` is, touching only what differs; what cargo wrote there stays.
fn copy_changed(from: &Path, to: &Path) -> Outcome {
    for entry in entries(from)? {
        let target = to.join(entry.file_name().unwrap_or_default());
        if entry.is_dir() {
            copy_changed(&entry, &target)?;
        } else if fs::read(&entry).ok() != fs::read(&target).ok() {
            put(&target, &read(&entry)?)?;
        }
    }
    for entry in entries(to)? {
        let source = from.join(entry.file_name().unwrap_or_default());
        if entry.extension().is_some_and(|extension| extension == "rs") && !source.exists() {
            fs::remove_file(&entry).map_err(|error| Failure::file(&entry, error))?;
        }
    }
    Ok(())
}

/// A crate's manifest without what only its tests and benchmarks need.
fn without_tests(manifest: &str) -> String {
    let tests = ["[dev-dependencies]", "[[test]]", "[[bench]]", "[[example]]"];
    sections(manifest, |head| !tests.contains(&head)).replace("readme = \"README.md\"\n", "")
}

/// The sections whose head is wanted.
fn sections(manifest: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut kept = String::new();
    let mut keep = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            keep = wanted(line);
        }
        if keep {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

fn copy(from: &Path, to: &Path) -> Outcome {
    for entry in entries(from)? {
        let target = to.join(entry.file_name().unwrap_or_default());
        if entry.is_dir() { copy(&entry, &target)? } else { put(&target, &read(&entry)?)? }
    }
    Ok(())
}

fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::file(folder, error))?;
    entries.map(|entry| Ok(entry.map_err(|error| Failure::file(folder, error))?.path())).collect()
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| Failure::file(path, error))
}

fn put(path: &Path, text: &str) -> Outcome {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))?;
    }
    fs::write(path, text).map_err(|error| Failure::file(path, error))
}
