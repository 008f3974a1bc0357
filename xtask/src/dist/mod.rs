//! `cargo xtask dist`: what a person without this workspace needs, as an archive and as a Python wheel.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    args::Args,
    failure::{Failure, Outcome},
    packs, place, process,
};

/// Files of the workspace that go along.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// Where shells look for completions, below the folder a program is installed to.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/harness"),
    ("zsh", "share/zsh/site-functions/_harness"),
    ("fish", "share/fish/vendor_completions.d/harness.fish"),
];
/// Archive, wheel and sums are made by a script of the standard library of Python, so that this program needs no crate for it.
const PACK: &str = include_str!("pack.py");

fn copy(from: &Path, to: &Path) -> Outcome {
    make(to.parent().unwrap_or(to))?;
    fs::copy(from, to).map_err(|error| Failure::file(from, error)).map(|_| ())
}

fn make(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))
}

/// `cargo xtask dist`
pub fn run(mut args: Args) -> Outcome {
    let check = args.flag("--check");
    args.done()?;
    let names = packs::names()?;
    packs::build(&names, true)?;
    let all = place::target().join("dist");
    if all.exists() {
        fs::remove_dir_all(&all).map_err(|error| Failure::file(&all, error))?;
    }
    let (version, machine) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let folder = all.join(format!("harness-{version}-{machine}-linux"));
    lay_out(&names, &folder)?;
    let script = all.join("pack.py");
    fs::write(&script, PACK).map_err(|error| Failure::file(&script, error))?;
    let mut python = Command::new("python3");
    python.arg(&script).arg(&folder).args(["harness", version, machine]);
    let made = process::answer(&mut python).ok_or_else(|| Failure::new("python3 could not make archive and wheel"))?;
    fs::remove_file(&script).map_err(|error| Failure::file(&script, error))?;
    let made: Vec<PathBuf> = made.lines().map(PathBuf::from).collect();
    for path in &made {
        println!("{}", path.display());
    }
    println!("{}", all.join("SHA256SUMS").display());
    println!(
        "install: unpack the archive into ~/.local (tar xzf … --strip-components 1 -C ~/.local), or pip install the wheel"
    );
    match made.iter().find(|path| path.extension().is_some_and(|extension| extension == "whl")) {
        Some(wheel) if check => installed(wheel, &all.join("check")),
        _ => Ok(()),
    }
}

/// The files as they are installed: programs in bin, packs, pages, completions and papers below share.
fn lay_out(names: &[String], folder: &Path) -> Outcome {
    copy(&place::binary(), &folder.join("bin/harness"))?;
    packs::install(names, &folder.join("share/harness/plugins"))?;
    for paper in PAPERS {
        copy(&place::root().join(paper), &folder.join("share/doc/harness").join(paper))?;
    }
    let third_party = folder.join("share/doc/harness/THIRD-PARTY.txt");
    fs::write(&third_party, licences(names)?).map_err(|error| Failure::file(&third_party, error))?;
    process::run(process::harness().arg("man").arg(folder.join("share/man/man1")))?;
    for (shell, path) in COMPLETIONS {
        let text = process::answer(process::harness().args(["completions", shell]));
        let text = text.ok_or_else(|| Failure::new(format!("`harness completions {shell}` failed")))?;
        let path = folder.join(path);
        make(path.parent().unwrap_or(folder))?;
        fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
    }
    Ok(())
}

/// Installs the wheel into an empty environment of Python and evolves a small suite of one's own with nothing else: the packs must be
/// found, and nobody be asked about them.
fn installed(wheel: &Path, folder: &Path) -> Outcome {
    let (environment, home) = (folder.join("environment"), folder.join("home"));
    make(&home)?;
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"]).arg(wheel);
    process::run(&mut pip)?;
    let harness = |arguments: &[&str]| {
        let mut harness = Command::new(environment.join("bin/harness"));
        // As a person has it who has installed this and nothing else.
        harness.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &home).current_dir(folder).args(arguments);
        harness
    };
    process::run(&mut harness(&["--version"]))?;
    let listed = process::answer(&mut harness(&["plugin", "list"])).unwrap_or_default();
    if let Some(lost) = packs::names()?.iter().find(|name| !listed.contains(name.as_str())) {
        return Err(Failure::new(format!("the installed program does not find its pack {lost}:\n{listed}")));
    }
    process::run(&mut harness(&["init", "capitals"]))?;
    process::run(&mut harness(&["suite", "check", "capitals"]))?;
    process::run(&mut harness(&["evolve", "capitals", "--model", "random", "--rollouts", "40", "--out", "evolved"]))?;
    match folder.join("evolved/report.json").is_file() {
        true => Ok(()),
        false => Err(Failure::new("the installed program wrote no report")),
    }
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
