//! `cargo xtask bench --engine`: the speed of the parts, from their own benchmarks, in one table.

use std::{
    fmt::Write,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    crowd, evolve,
    failure::{Failure, Outcome},
    packs,
    phases::Phases,
    place, process,
};

/// Benchmarks that are cargo bench targets, with what they are about.
const BENCHES: [(&str, &str, &str); 5] = [
    ("hooks and packs", "harness-host", "hook"),
    ("packs in child processes", "harness-host", "child"),
    ("engine", "harness-core", "engine"),
    ("record", "harness-trace", "journal"),
    ("household games", "household-engine", "steps"),
];

/// How often a short command is started for its median.
const STARTS: usize = 41;

/// `cargo xtask bench --engine`
pub fn run() -> Outcome {
    let mut phases = Phases::begin();
    let mut table = String::new();
    phases.part("build", || packs::build(&packs::names()?, true))?;
    for (title, package, bench) in BENCHES {
        let mut cargo = process::cargo();
        cargo.args(["bench", "--package", package, "--bench", bench]);
        let text = phases.part(title, || process::tee(&mut cargo))?;
        section(&mut table, title, &text);
    }
    let text = phases.part("local model", local_model)?;
    section(&mut table, "local model", &text);
    let help = phases.part("harness --help", || median_start(|| harness(&["--help"])))?;
    let (crowd, policy) = phases.part("signing a crowd of packs", crowd::make)?;
    let list = phases.part("harness plugin list", || {
        median_start(|| {
            let mut list = harness(&["plugin", "list", "--plugins"]);
            list.arg(&crowd).env("HARNESS_POLICY", &policy);
            list
        })
    })?;
    let lines = format!(
        "harness --help: median {:.2} ms of {STARTS} starts\nharness plugin list, {} signed packs: median {:.1} ms",
        millis(help),
        crowd::PACKS,
        millis(list)
    );
    section(&mut table, "command line", &lines);
    let path = write(&table)?;
    println!("\n{table}\n{}written to {}", phases.table(), path.display());
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn write(table: &str) -> Outcome<PathBuf> {
    let folder = place::target().join("bench");
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    let path = folder.join("engine.txt");
    fs::write(&path, table).map_err(|error| Failure::file(&path, error))?;
    Ok(path)
}

fn section(table: &mut String, title: &str, output: &str) {
    let _ = writeln!(table, "{title}");
    for line in lines_of(output) {
        let _ = writeln!(table, "  {line}");
    }
}

/// The results in a benchmark's output. Criterion's become one line each, with the median first; of other programs every
/// line counts.
fn lines_of(output: &str) -> Vec<String> {
    if !output.contains("time:   [") {
        return output.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    }
    let mut name = "";
    let mut lines = Vec::new();
    for line in output.lines() {
        let Some((before, after)) = line.split_once("time:   [") else {
            // A long name has a line of its own.
            name = line.trim();
            continue;
        };
        let name = if before.trim().is_empty() { name } else { before.trim() };
        let numbers: Vec<&str> = after.trim_end_matches(']').split_whitespace().collect();
        if let [low, low_unit, middle, unit, high, high_unit] = numbers[..] {
            lines.push(format!("{name}: {middle} {unit} ({low} {low_unit} to {high} {high_unit})"));
        }
    }
    lines
}

/// Prompt and generation speed of the local model, if its weights are here.
fn local_model() -> Outcome<String> {
    let Some(weights) = evolve::weights() else {
        return Ok(format!("left out: no weights; `harness model pull {}` fetches them", evolve::MODEL));
    };
    let mut cargo = process::cargo();
    cargo.args(["run", "--release", "--package", "plugin-gguf", "--example", "speed", "--"]).arg(&weights);
    process::tee(&mut cargo)
}

fn harness(arguments: &[&str]) -> Command {
    let mut harness = process::harness();
    harness.args(arguments);
    harness
}

/// Median wall clock of running a command to its end, its output thrown away.
fn median_start(command: impl Fn() -> Command) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        times.push(start(command())?);
    }
    times.sort();
    Ok(times[STARTS / 2])
}

fn start(mut command: Command) -> Outcome<Duration> {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).status();
    let took = start.elapsed();
    match status {
        Ok(status) if status.success() => Ok(took),
        Ok(status) => Err(Failure::new(format!("{command:?}: {status}"))),
        Err(error) => Err(Failure::file(&place::binary(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criterion_output_becomes_a_line_each() {
        let output = "Benchmarking\nhook/plain dyn call     time:   [1.10 ns 1.20 ns 1.30 ns]\n\
            a very long name of a benchmark\n                        time:   [2.0 us 2.5 us 3.1 us]\n  change: none\n";
        let lines = lines_of(output);
        assert_eq!(lines[0], "hook/plain dyn call: 1.20 ns (1.10 ns to 1.30 ns)");
        assert_eq!(lines[1], "a very long name of a benchmark: 2.5 us (2.0 us to 3.1 us)");
        assert_eq!(lines_of("9 steps/s\n\n"), ["9 steps/s"]);
    }
}
