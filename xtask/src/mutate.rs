//! `cargo xtask mutate`: a thousand mutated packs, each locked, signed, inspected and run in a child. The test itself is
//! `harness-core/host/tests/mutation.rs`.

use crate::{args::Args, failure::Outcome, process};

/// `cargo xtask mutate [--files N] [--seed N]`
pub fn run(mut args: Args) -> Outcome {
    let files = args.value::<u64>("--files")?.unwrap_or(1000);
    let seed = args.value::<u64>("--seed")?.unwrap_or(1);
    args.done()?;
    let mut cargo = process::cargo();
    cargo.args(["test", "--package", "harness-host", "--test", "mutation"]);
    process::run(cargo.env("MUTANTS", files.to_string()).env("MUTANT_SEED", seed.to_string()))
}
