//! `cargo xtask`: developer tasks. Builds, installs, measures, tests and packs by calling cargo and the `harness` binary.
//!
//! It has no dependencies on purpose: with clap in it the first command of the README spent 12 to 24 seconds more on two
//! cores before anything happened. It refuses to know what the binary knows: benchmarks, models and verdicts are not its.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program writes to people")]

mod args;
mod attack;
mod bench;
mod crowd;
mod dist;
mod engine;
mod evolve;
mod failure;
mod fuzz;
mod growth;
mod mutate;
mod packs;
mod phases;
mod place;
mod process;
mod publish;
mod report;
mod test;
mod tidy;

use std::process::ExitCode;

use args::Args;
use failure::{Failure, Outcome};

const USAGE: &str = "\
cargo xtask COMMAND

  bench                 build, pull a model, evolve on `everyday`, write target/bench/report.html
    --suite SUITE         on this suite instead: everyday, functions, household, mixed or menus
    --minutes N           all in all, builds and downloads included (default 30)
    --full                runs of record, resumable, into docs/results/ (default 120 minutes a suite)
    --smoke               no downloads: stand-in model, self-written and generated tasks, under two minutes
    --engine              the speed of the parts instead: hooks, steps, the record, the games, the local model
  test                  tidy and all tests of all crates
  ci                    rustfmt and clippy where they are installed, whether harness-abi can be published, then test
  tidy                  the rules of this project that no compiler checks
  growth                a host of a simulated next version of the interface, with packs of this version and of that one
  abi-fixture           build these packs anew, after the interface changed and before it is released
  fuzz [TARGET]         made-up bytes for what reads packs, manifests, harnesses, locks, policies and messages of children
    --minutes N           so long each, by the processor's clock (default 1; --seconds N); --seed N
  mutate                1,000 mutated packs before a lock, a signature, inspection and a child; --files N, --seed N
  attack [NUMBER]       plays every known way in, in both sandboxes and as another user, and lists what held
    --full                a fault at every single write, and 100 disturbances instead of a few
  plugin NAME           build one pack of plugins/ and install it into .harness/plugins
  dist                  program, packs, man pages, completions and licences as an archive and a Python wheel, in target/dist
    --check               then installs the wheel into an empty environment and evolves a small suite with it
";

fn main() -> ExitCode {
    match run(Args::of_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(mut args: Args) -> Outcome {
    let Some(command) = args.word() else {
        print!("{USAGE}");
        return Ok(());
    };
    match command.as_str() {
        "bench" => bench::run(args),
        "test" => args.done().and_then(|()| test::test()),
        "ci" => args.done().and_then(|()| test::ci()),
        "tidy" => args.done().and_then(|()| tidy::run()),
        "fuzz" => fuzz::run(args),
        "mutate" => mutate::run(args),
        "attack" => attack::run(args),
        "growth" => growth::run(args),
        "abi-fixture" => growth::fixture(args),
        "plugin" => packs::plugin(args),
        "dist" => dist::run(args),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(Failure::new(format!("no command `{other}`")).hint("cargo xtask help")),
    }
}
