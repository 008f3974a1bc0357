//! The packs of `plugins/`: which there are, building them, putting them where `harness` looks.

use std::{fs, path::Path};

use crate::{
    args::Args,
    failure::{Failure, Outcome},
    place, process,
};

/// What isolation is tested with: nobody wants it where packs are looked for.
const NEVER_INSTALLED: &str = "faulty";

/// The packs cargo builds, by name: every folder of `plugins/` with a manifest that is a crate. One in C is built as its source says.
pub fn names() -> Outcome<Vec<String>> {
    let folder = place::root().join("plugins");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| Failure::file(&folder, error))? {
        let path = entry.map_err(|error| Failure::file(&folder, error))?.path();
        let tested_with = path.ends_with(NEVER_INSTALLED);
        if !tested_with && path.join("pack.toml").is_file() && path.join("Cargo.toml").is_file() {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// The shared library cargo makes of a pack.
pub fn library(name: &str) -> String {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{prefix}plugin_{}{suffix}", name.replace('-', "_"))
}

/// Builds these packs in release, and the binary with them if `binary`: one build, so that shared crates compile once.
pub fn build(names: &[String], binary: bool) -> Outcome {
    let mut cargo = process::cargo();
    cargo.args(["build", "--release"]);
    if binary {
        cargo.args(["--package", "harness"]);
    }
    for name in names {
        cargo.args(["--package", &format!("plugin-{name}")]);
    }
    process::run(&mut cargo)
}

/// Copies built packs into `folder`. Each appears there whole or not at all: a copy beside it takes its name.
pub fn install(names: &[String], folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))?;
    for name in names {
        let to = folder.join(format!("{name}{}", std::env::consts::DLL_SUFFIX));
        let fresh = folder.join(format!(".{name}.{}", std::process::id()));
        let from = place::built(&library(name));
        fs::copy(&from, &fresh).map_err(|error| Failure::file(&from, error))?;
        fs::rename(&fresh, &to).map_err(|error| Failure::file(&to, error))?;
    }
    Ok(())
}

/// Lets installed packs run: what was built and installed here is the user's own, and nobody is asked about it.
pub fn allow(names: &[String]) -> Outcome {
    for name in names {
        let file = format!(".harness/plugins/{name}{}", std::env::consts::DLL_SUFFIX);
        process::run(process::harness().args(["trust", &file, "--yes"]))?;
    }
    Ok(())
}

/// `cargo xtask plugin NAME`
pub fn plugin(mut args: Args) -> Outcome {
    let known = names()?;
    let hint = format!("packs: {}", known.join(", "));
    let name = args.word().ok_or_else(|| Failure::new("which pack?").hint(&hint))?;
    args.done()?;
    if !known.contains(&name) {
        return Err(Failure::new(format!("no pack `{name}` in plugins/")).hint(hint));
    }
    let one = [name];
    build(&one, false)?;
    install(&one, &place::plugins())?;
    match place::binary().is_file() {
        true => allow(&one)?,
        false => {
            println!("allow it to run with: harness trust .harness/plugins/{}{}", one[0], std::env::consts::DLL_SUFFIX)
        }
    }
    println!("installed {} into .harness/plugins", one[0]);
    Ok(())
}
