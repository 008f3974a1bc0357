//! `cargo xtask dist`: what a person without this workspace needs, in one folder.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    failure::{Failure, Outcome},
    packs, place, process,
};

/// Files of the workspace that go along.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::copy(from, to).map_err(|error| Failure::file(from, error)).map(|_| ())
}

/// `cargo xtask dist`
pub fn run() -> Outcome {
    let names = packs::names()?;
    packs::build(&names, true)?;
    let folder = place::target().join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    }
    packs::install(&names, &folder.join("plugins"))?;
    copy(&place::binary(), &folder.join("harness"))?;
    for paper in PAPERS {
        copy(&place::root().join(paper), &folder.join(paper))?;
    }
    let third_party = folder.join("THIRD-PARTY.txt");
    fs::write(&third_party, licences(&names)?).map_err(|error| Failure::file(&third_party, error))?;
    println!("{}: put `harness` on the path and the packs into ~/.local/share/harness/plugins", folder.display());
    Ok(())
}

/// Every crate that is compiled in, with its licence, as cargo knows them.
fn licences(packs: &[String]) -> Outcome<String> {
    let mut tree = process::cargo();
    tree.args([
        "tree",
        "--no-dedupe",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}: {l}",
        "--package",
        "harness",
    ]);
    for name in packs {
        tree.args(["--package", &format!("plugin-{name}")]);
    }
    let text = process::answer(&mut tree).ok_or_else(|| Failure::new("`cargo tree` failed"))?;
    // What follows in parentheses is the path of a crate of this workspace, or `proc-macro`: neither is compiled in from outside.
    let lines: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty() && !line.contains(" (")).collect();
    Ok(lines.into_iter().map(|line| format!("{line}\n")).collect())
}
