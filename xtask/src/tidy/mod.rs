//! The rules of this project that no compiler checks, as a command and as a test.
//!
//! Each rule looks at the workspace's own files and gives back what breaks it: a place and what to do. An exception
//! stands beside its rule, with a reason.

mod documents;
mod manifests;
mod members;
mod packages;
mod reference;
mod sources;
mod terms;
mod words;
mod writes;

use std::path::PathBuf;

use crate::{
    failure::{Failure, Outcome},
    place, process,
};

/// What breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    place: String,
    what: String,
}

impl Breach {
    fn new(place: impl ToString, what: impl ToString) -> Self {
        Self { place: place.to_string(), what: what.to_string() }
    }
}

/// A file of the project.
struct File {
    /// Relative to the workspace, with `/`.
    path: String,
    text: String,
}

/// The project's text files: what git has or would take, so that builds and private notes are not looked at.
fn files() -> Outcome<Vec<File>> {
    let root = place::root();
    let mut git = std::process::Command::new("git");
    git.current_dir(&root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let list = process::answer(&mut git)
        .ok_or_else(|| Failure::new("`git ls-files` failed").hint("tidy looks at a git checkout"))?;
    let mut paths: Vec<PathBuf> = list.lines().map(PathBuf::from).collect();
    paths.sort();
    paths.dedup();
    let mut files = Vec::new();
    for path in paths {
        // A file that is listed and gone is being removed; one that is not text has no rules here.
        if let Ok(text) = std::fs::read_to_string(root.join(&path)) {
            files.push(File { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
    Ok(files)
}

fn breaches() -> Outcome<Vec<Breach>> {
    let files = files()?;
    let manifests = packages::read(&files);
    let mut breaches = manifests::check(&manifests);
    breaches.extend(members::check(&files, &manifests));
    breaches.extend(sources::check(&files));
    breaches.extend(writes::check(&files));
    breaches.extend(documents::check(&files));
    breaches.extend(reference::check(&files));
    breaches.extend(terms::check(&files));
    breaches.extend(words::check(&files));
    Ok(breaches)
}

/// `cargo xtask tidy`
pub fn run() -> Outcome {
    let breaches = breaches()?;
    for breach in &breaches {
        eprintln!("{}: {}", breach.place, breach.what);
    }
    match breaches.len() {
        0 => Ok(()),
        n => Err(Failure::new(format!("tidy: {n} rules broken"))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_tidy() {
        let breaches = super::breaches().expect("the workspace can be read");
        assert!(breaches.is_empty(), "{breaches:#?}");
    }
}
