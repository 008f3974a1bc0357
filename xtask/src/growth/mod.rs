//! `cargo xtask abi-fixture` and `cargo xtask growth`: packs that are kept per version of the interface, and the host of a
//! simulated next version that must still serve them.

mod scratch;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    args::Args,
    failure::{Failure, Outcome},
    place, process,
};
use scratch::Version;

/// Where sources, kept packs and expected lines lie.
fn folder() -> PathBuf {
    place::root().join("harness-core/abi/tests/growth")
}

/// `cargo xtask abi-fixture`: builds the pack of this version and that of the next one, and puts them where they are kept.
pub fn fixture(args: Args) -> Outcome {
    args.done()?;
    for version in [Version::This, Version::Next] {
        let root = scratch::write(version)?;
        let mut cargo = cargo(&root);
        cargo.args(["build", "--offline", "--package", "growth-pack", "--profile", "fixture"]);
        // What is kept names no folder of the machine that built it.
        let mut flags = String::new();
        for (from, to) in prefixes(&root)? {
            flags += &format!("--remap-path-prefix={}={to}\u{1f}", from.display());
        }
        process::run(cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.trim_end_matches('\u{1f}')))?;
        let (from, to) = (place::target().join("fixture/libgrowth_pack.so"), folder().join(version.pack()? + ".so"));
        let size = fs::copy(&from, &to).map_err(|error| Failure::file(&from, error))?;
        println!("{}: {} KiB", to.display(), size / 1024);
    }
    Ok(())
}

/// Folders that appear in panic messages, and what to call them.
fn prefixes(root: &Path) -> Outcome<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = home.ok_or_else(|| Failure::new("there is no cargo home"))?.join("registry/src");
    let mut prefixes = vec![(root.to_owned(), "fixture")];
    for entry in fs::read_dir(&sources).map_err(|error| Failure::file(&sources, error))? {
        prefixes.push((entry.map_err(|error| Failure::file(&sources, error))?.path(), "crates"));
    }
    Ok(prefixes)
}

/// `cargo xtask growth`: builds a host of the next version and holds what it does with the kept packs against what it should.
pub fn run(args: Args) -> Outcome {
    args.done()?;
    check()
}

/// The check of [`run`], for `cargo xtask ci` too.
pub fn check() -> Outcome {
    let (old, new) = (Version::This.pack()?, Version::Next.pack()?);
    let root = scratch::write(Version::Next)?;
    process::run(cargo(&root).args(["build", "--offline", "--package", "growth-host"]))?;
    let program = place::target().join("debug/growth-host");
    let file = folder().join("next-host.txt");
    let expected = fs::read_to_string(&file).map_err(|error| Failure::file(&file, error))?;
    for order in [[&old, &new], [&new, &old]] {
        let store = place::target().join("growth/store");
        let mut host = std::process::Command::new(&program);
        host.arg(folder()).arg(store).args(order);
        let said = process::tee(&mut host)?;
        let mut lines: Vec<&str> = said.lines().collect();
        lines.sort_unstable();
        if lines != expected.lines().collect::<Vec<_>>() {
            let hint = format!("{} has the expected lines, sorted", file.display());
            return Err(Failure::new("a host of the next version does not serve packs as it should").hint(hint));
        }
    }
    println!("a host of the next version serves {old} and {new}, whichever comes first");
    Ok(())
}

/// Cargo in a scratch workspace, with this workspace's target folder: what third parties wrote is not built again.
fn cargo(root: &Path) -> std::process::Command {
    let mut cargo = process::cargo();
    cargo.current_dir(root).env("CARGO_TARGET_DIR", place::target()).env_remove("CARGO_MANIFEST_DIR");
    cargo
}
