//! `cargo xtask test` and `cargo xtask ci`: everything that must hold.

use crate::{
    failure::{Failure, Outcome},
    phases::Phases,
    process, publish, tidy,
};

fn tests(phases: &mut Phases) -> Outcome {
    phases.part("tidy", tidy::run)?;
    // One command for all crates: the libraries of the packs are built beside the tests that load them.
    phases.part("tests", || process::run(process::cargo().args(["test", "--workspace"])))
}

/// Tidy and the tests of all crates.
pub fn test() -> Outcome {
    let mut phases = Phases::begin();
    let outcome = tests(&mut phases);
    print!("\n{}", phases.table());
    outcome
}

/// Formatting, lints, documentation, the plugin ABI's publication, then the tests. A tool that is not installed is an error: a check
/// that is left out looks like one that passed.
pub fn ci() -> Outcome {
    let mut phases = Phases::begin();
    let outcome = lints(&mut phases)
        .and_then(|()| phases.part("rustdoc", documentation))
        .and_then(|()| phases.part("publish", publish::check))
        .and_then(|()| tests(&mut phases));
    print!("\n{}", phases.table());
    outcome
}

fn lints(phases: &mut Phases) -> Outcome {
    installed("fmt", "rustfmt")?;
    installed("clippy", "clippy")?;
    phases.part("rustfmt", || process::run(process::cargo().args(["fmt", "--all", "--check"])))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    phases.part("clippy", || process::run(process::cargo().args(clippy)))
}

/// Documentation with warnings denied: links that lead nowhere, items that are private.
fn documentation() -> Outcome {
    let mut cargo = process::cargo();
    process::run(cargo.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn installed(command: &str, component: &str) -> Outcome {
    match process::answer(process::cargo().args([command, "--version"])) {
        Some(_) => Ok(()),
        None => Err(Failure::new(format!("cargo {command} is not installed"))
            .hint(format!("rustup component add {component}; `cargo xtask test` does without"))),
    }
}
