//! `cargo xtask test` and `cargo xtask ci`: everything that must hold.

use crate::{failure::Outcome, phases::Phases, process, publish, tidy};

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

/// Formatting, lints, the plugin ABI's publication, then the tests. A tool that is not installed is named and left out.
pub fn ci() -> Outcome {
    let mut phases = Phases::begin();
    let outcome =
        lints(&mut phases).and_then(|()| phases.part("publish", publish::check)).and_then(|()| tests(&mut phases));
    print!("\n{}", phases.table());
    outcome
}

fn lints(phases: &mut Phases) -> Outcome {
    if installed("fmt") {
        phases.part("rustfmt", || process::run(process::cargo().args(["fmt", "--all", "--check"])))?;
    }
    if installed("clippy") {
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        phases.part("clippy", || process::run(process::cargo().args(clippy)))?;
    }
    Ok(())
}

fn installed(tool: &str) -> bool {
    let there = process::answer(process::cargo().args([tool, "--version"])).is_some();
    if !there {
        eprintln!("cargo {tool} is not installed: left out");
    }
    there
}
