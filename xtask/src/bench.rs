//! `cargo xtask bench`: from a fresh clone to an evolution and its report, within a stated time.

use std::{fs, path::PathBuf, time::Duration};

use crate::{
    args::Args,
    engine,
    evolve::{self, Evolution, Suite},
    failure::{Failure, Outcome},
    packs,
    phases::Phases,
    place, process, report,
};

/// The last guard of a default bench of one suite, builds and downloads included; it ends before by itself.
const MINUTES: f64 = 30.0;
/// Of a run of record, for each suite, builds not included.
const FULL_MINUTES: f64 = 120.0;
/// Of a smoke bench, for each suite, builds not included.
const SMOKE_MINUTES: f64 = 0.5;
/// Kept back for what an evolution finishes after its time and for the report.
const RESERVE: Duration = Duration::from_secs(90);
/// An evolution that gets less than this shows nothing; a slow build cannot take it away.
const LEAST: Duration = Duration::from_secs(180);

/// What kind of bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Default,
    Full,
    Smoke,
}

/// `cargo xtask bench`
pub fn run(mut args: Args) -> Outcome {
    let (full, smoke, only_engine) = (args.flag("--full"), args.flag("--smoke"), args.flag("--engine"));
    let named = args.value::<String>("--suite")?;
    let suites = match &named {
        None if !full && !smoke => vec![evolve::FIRST],
        named => evolve::suites(named.as_deref())?,
    };
    let minutes = args.value::<f64>("--minutes")?;
    args.done()?;
    if minutes.is_some_and(|minutes| !(minutes > 0.0 && minutes < 1e6)) {
        return Err(Failure::new("--minutes must be above 0"));
    }
    match (full, smoke, only_engine) {
        (false, false, true) => engine::run(),
        (true, false, false) => evolve_all(Kind::Full, &suites, minutes.unwrap_or(FULL_MINUTES)),
        (false, true, false) => evolve_all(Kind::Smoke, &suites, minutes.unwrap_or(SMOKE_MINUTES)),
        (false, false, false) => evolve_all(Kind::Default, &suites, minutes.unwrap_or(MINUTES)),
        _ => Err(Failure::new("--full, --smoke and --engine exclude each other")),
    }
}

fn evolve_all(kind: Kind, suites: &[Suite], minutes: f64) -> Outcome {
    let mut phases = Phases::begin();
    let packs = match suites {
        [only] if *only == evolve::FIRST => evolve::FIRST_PACKS.map(str::to_owned).to_vec(),
        _ => packs::names()?,
    };
    phases.part("build", || packs::build(&packs, true))?;
    phases.part("install packs", || packs::install(&packs, &place::plugins()))?;
    packs::allow(&packs)?;
    process::run(process::harness().args(["plugin", "list"]))?;
    if kind != Kind::Smoke {
        phases.part("pull model and data", || evolve::pull(suites))?;
    }
    let folder = match kind {
        Kind::Default => place::target().join("bench"),
        Kind::Full => place::root().join("docs/results"),
        Kind::Smoke => place::target().join("bench-smoke"),
    };
    let workspace = workspace(kind)?;
    let mut done = Vec::new();
    for (index, suite) in suites.iter().enumerate() {
        let budget = match kind {
            Kind::Default => share(minutes, phases.elapsed(), suites.len() - index),
            Kind::Full | Kind::Smoke => Duration::from_secs_f64(minutes * 60.0),
        };
        let out = folder.join(suite.name);
        fs::create_dir_all(&out).map_err(|error| Failure::file(&out, error))?;
        let evolution = Evolution {
            suite: *suite,
            smoke: kind == Kind::Smoke,
            full: kind == Kind::Full,
            budget,
            out: &out,
            workspace: &workspace,
        };
        phases.part(&format!("evolve {}", suite.name), || process::run(&mut evolution.command()))?;
        done.push(suite.name);
    }
    let written = report::write(&folder, &done, &phases)?;
    print!("\n{}", phases.table());
    println!("report: {}", written.display());
    Ok(())
}

/// What one of `left` suites gets of `minutes` in all, when so much is gone.
fn share(minutes: f64, gone: Duration, left: usize) -> Duration {
    let all = Duration::from_secs_f64(minutes * 60.0);
    let rest = all.saturating_sub(gone).saturating_sub(RESERVE);
    (rest / u32::try_from(left).unwrap_or(1).max(1)).max(LEAST.min(all))
}

/// The folder whose record is used: a smoke bench begins with an empty one and leaves the real one alone.
fn workspace(kind: Kind) -> Outcome<PathBuf> {
    if kind != Kind::Smoke {
        return Ok(place::root());
    }
    let folder = place::target().join("bench-smoke/workspace");
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::file(&folder, error)),
        _ => {}
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_shared_and_never_nothing() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(share(30.0, minutes(8), 2), (minutes(22) - RESERVE) / 2);
        assert_eq!(share(30.0, minutes(20), 1), minutes(10) - RESERVE);
        assert_eq!(share(30.0, minutes(29), 1), LEAST);
        assert_eq!(share(1.0, minutes(0), 2), minutes(1));
    }
}
