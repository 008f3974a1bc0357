//! `cargo xtask fuzz`: builds the readers of `fuzz/` with coverage instrumentation and lets LLVM's fuzzer loose on them.
//!
//! It needs a C++ compiler and no nightly: the instrumentation is a pass of the stable compiler; only address sanitizing is
//! not had, and the readers have no `unsafe` of ours. What is found stops the run and lies in `target/fuzz/found`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    args::Args,
    failure::{Failure, Outcome},
    place, process,
};

/// The readers, as `fuzz/src/readers.rs` knows them.
const TARGETS: [&str; 11] = [
    "pack",
    "manifest",
    "harness",
    "lock",
    "policy",
    "child_protocol",
    "benchmark",
    "skill",
    "reply",
    "request",
    "mcp",
];

/// Of each: the coverage counters and comparisons libFuzzer follows.
const FLAGS: [&str; 9] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
    "--cfg",
    "fuzzing",
];

/// Bytes of an input, seconds for one, MiB of memory: more of any is a finding.
const LIMITS: [&str; 3] = ["-max_len=65536", "-timeout=10", "-rss_limit_mb=2048"];

/// Least and most seconds by the clock until the fuzzer is asked what it did, and started anew from what it kept.
const ROUND: (f64, f64) = (5.0, 60.0);

/// `cargo xtask fuzz [TARGET] [--seconds N | --minutes N] [--seed N]`: each target so long by the processor's clock (default
/// 60 seconds), one after the other.
pub fn run(mut args: Args) -> Outcome {
    let minutes = args.value::<f64>("--minutes")?;
    let seconds = args.value::<f64>("--seconds")?.or(minutes.map(|minutes| minutes * 60.0)).unwrap_or(60.0);
    let seed = args.value::<u32>("--seed")?.unwrap_or(1);
    let one = args.word();
    args.done()?;
    let hint = format!("targets: {}", TARGETS.join(", "));
    if let Some(name) = one.as_deref().filter(|name| !TARGETS.contains(name)) {
        return Err(Failure::new(format!("no target `{name}`")).hint(hint));
    }
    let program = build()?;
    let targets = TARGETS.into_iter().filter(|target| one.as_deref().is_none_or(|name| name == *target));
    let lines = targets.map(|target| fuzz(&program, target, seconds, seed)).collect::<Outcome<Vec<_>>>()?;
    println!("\n{}", lines.join("\n"));
    Ok(())
}

/// One target, round after round; what came of it.
fn fuzz(program: &Path, target: &str, seconds: f64, seed: u32) -> Outcome<String> {
    let work = place::target().join("fuzz");
    // New inputs go into the first folder and help the next round; the seeds of the tree are only read.
    let (corpus, found) = (work.join("corpus").join(target), work.join("found"));
    let seeds = place::root().join("fuzz/seeds").join(target);
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))?;
    }
    let (before, mut inputs, mut round) = (children_seconds()?, 0, 0);
    loop {
        let spent = children_seconds()? - before;
        let kept = fs::read_dir(&corpus).map_or(0, Iterator::count);
        let line = format!("{target:<8} {spent:>6.1} CPU-seconds, {inputs:>9} inputs, none a crash; {kept} kept");
        if spent >= seconds {
            return Ok(line);
        }
        eprintln!("{line}");
        let mut fuzzer = Command::new(program);
        fuzzer.env("HARNESS_FUZZ", target).args(LIMITS).arg("-print_final_stats=1");
        // A little more than what is missing: nothing but a long run or a busy machine takes a second round.
        let round_seconds = ((seconds - spent) * 1.05 + 1.0).clamp(ROUND.0, ROUND.1).ceil();
        fuzzer.arg(format!("-max_total_time={round_seconds}"));
        fuzzer.arg(format!("-seed={}", seed.wrapping_add(round)));
        round += 1;
        fuzzer.arg(format!("-artifact_prefix={}/{target}-", found.display())).arg(&corpus).arg(&seeds);
        let said = process::said(&mut fuzzer).map_err(|failure| {
            failure.hint(format!("the input lies in {}; put it among {}, then mend", found.display(), seeds.display()))
        })?;
        inputs +=
            stat(&said, "number_of_executed_units").ok_or_else(|| Failure::new(format!("no figures in:\n{said}")))?;
    }
}

/// A figure libFuzzer gives at its end.
fn stat(said: &str, name: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().parse().ok()
}

/// What all programs this one has waited for took of the processor, in seconds.
fn children_seconds() -> Outcome<f64> {
    let path = Path::new("/proc/self/stat");
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    spent(&text).ok_or_else(|| Failure::file(path, format!("no times of children in `{text}`")))
}

/// The fields `cutime` and `cstime` of proc(5), in ticks of a hundredth. The name before them, in parentheses, may hold anything.
fn spent(stat: &str) -> Option<f64> {
    let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(13).map(|ticks| ticks.parse::<f64>().ok());
    Some((times.next()?? + times.next()??) / 100.0)
}

fn build() -> Outcome<PathBuf> {
    let target = place::target().join("fuzz");
    let host = process::answer(Command::new("rustc").arg("-vV"));
    let host = host.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("host: ")));
    let host = host.ok_or_else(|| Failure::new("`rustc -vV` names no host"))?;
    let mut cargo = process::cargo();
    // With a named target the flags stay away from build scripts and procedural macros.
    cargo.current_dir(place::root().join("fuzz")).args(["build", "--release", "--target", host]);
    cargo.env("CARGO_TARGET_DIR", &target).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    process::run(&mut cargo)?;
    Ok(target.join(host).join("release/harness-fuzz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found() {
        let stat_line = "4711 (a (strange) name) S 1 2 3 4 5 6 7 8 9 10 11 12 250 50 20 0 1";
        assert_eq!(spent(stat_line), Some(3.0));
        assert_eq!(stat("Done\nstat::number_of_executed_units: 17\n", "number_of_executed_units"), Some(17));
    }
}
