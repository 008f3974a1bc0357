//! `cargo xtask attack`: plays every known way in against the built binary, in both sandboxes, and as another user where this one is root, and
//! lists each by its number. A way in is held when all its tests ran and passed; a test that is not there, was skipped or was left out is
//! not held: what nobody looked at looks like what passed.

mod lines;

use std::{collections::BTreeMap, process::Command};

use crate::{
    args::Args,
    failure::{Failure, Outcome},
    process,
};
use lines::{LINES, Line, Target};

/// Who owns nothing on this machine.
const NOBODY: &str = "65534";

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Result {
    Held,
    /// Why not.
    Not(String),
}

/// `cargo xtask attack [--full] [NUMBER]`
pub fn run(mut args: Args) -> Outcome {
    let full = args.flag("--full");
    let only = args.word();
    args.done()?;
    let lines: Vec<&Line> = LINES.iter().filter(|line| only.as_ref().is_none_or(|only| line.number == only)).collect();
    if lines.is_empty() {
        let numbers: Vec<&str> = LINES.iter().map(|line| line.number).collect();
        return Err(Failure::new(format!("no line has the number {}", only.unwrap_or_default()))
            .hint(format!("there are {}", numbers.join(", "))));
    }
    let own = play(&lines, full, None);
    let other = another_user().map(|runner| play(&lines, full, Some(&runner)));
    let mut lost = 0;
    for line in &lines {
        let mut reasons = Vec::new();
        let mut look = |results: &BTreeMap<(Target, &str), Result>, tests: &[(Target, &'static str)], who: &str| {
            for test in tests {
                if let Some(Result::Not(why)) = results.get(test) {
                    reasons.push(format!("{}{who}: {why}", test.1));
                }
            }
        };
        look(&own, line.tests, "");
        if let Ok(other) = &other {
            look(other, &line.of_another_user(), " as another user");
        }
        let verdict = if reasons.is_empty() { "held" } else { "NOT HELD" };
        println!("{:8} {:6} {}", verdict, line.number, line.what);
        reasons.iter().for_each(|reason| println!("                {reason}"));
        lost += usize::from(!reasons.is_empty());
    }
    if let Err(why) = &other {
        println!("as another user: not here ({why})");
    }
    match lost {
        0 => Ok(()),
        lost => Err(Failure::new(format!("{lost} of {} ways in are not held", lines.len()))),
    }
}

/// Runs the tests of these lines, one call of cargo for each target, and says what became of each.
fn play(lines: &[&Line], full: bool, runner: Option<&str>) -> BTreeMap<(Target, &'static str), Result> {
    let mut results = BTreeMap::new();
    for target in Target::ALL {
        let tests = lines.iter().flat_map(|line| match runner {
            None => line.tests.to_vec(),
            Some(_) => line.of_another_user(),
        });
        let mut names: Vec<&'static str> = tests.filter(|test| test.0 == target).map(|test| test.1).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            continue;
        }
        let mut cargo = process::cargo();
        cargo.args(["test", "--no-fail-fast"]).args(target.arguments());
        cargo.args(["--", "--exact", "--show-output"]).args(&names).env("HARNESS_REQUIRE_SANDBOXES", "1");
        if full {
            cargo.env("HARNESS_DISTURBANCES", "100").env("HARNESS_EVERY_WRITE", "1");
        }
        if let Some(runner) = runner {
            let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH).replace('-', "_").to_uppercase();
            cargo.env(format!("CARGO_TARGET_{triple}_RUNNER"), runner);
        }
        let said = process::output_of(&mut cargo);
        results.extend(names.into_iter().map(|name| ((target, name), result(&said, name))));
    }
    results
}

/// What the test harness said of one test.
fn result(said: &str, name: &str) -> Result {
    let found = said.lines().find_map(|line| line.strip_prefix("test ")?.strip_prefix(name)?.strip_prefix(" ... "));
    match found {
        Some("ok") => {}
        Some(other) => return Result::Not(other.to_owned()),
        None => return Result::Not("there is no such test, or it did not end".to_owned()),
    }
    let header = format!("---- {name} stdout ----");
    let own = said.lines().skip_while(|line| *line != header).skip(1).take_while(|line| !line.starts_with("---- "));
    match own.map(str::trim).find(|line| line.starts_with("skipped")) {
        Some(skipped) => Result::Not(skipped.to_owned()),
        None => Result::Held,
    }
}

/// The program that runs another as a user who owns nothing, with its arguments; or why there is none.
fn another_user() -> std::result::Result<String, String> {
    let runner = format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --");
    let mut words = runner.split(' ');
    let mut tried = Command::new(words.next().unwrap_or_default());
    match tried.args(words).arg("true").status() {
        Ok(status) if status.success() && !reaches(&runner) => {
            Err("the build folder lies where no other user may look".to_owned())
        }
        Ok(status) if status.success() => Ok(runner),
        Ok(_) => Err("only root can become another user".to_owned()),
        Err(error) => Err(format!("setpriv: {error}")),
    }
}

/// Whether the other user may read what is built.
fn reaches(runner: &str) -> bool {
    let Ok(built) = std::env::current_exe() else { return false };
    let mut words = runner.split(' ');
    let mut tried = Command::new(words.next().unwrap_or_default());
    tried.args(words).arg("test").arg("-r").arg(built).status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
running 4 tests
test a::held ... ok
test a::lost ... FAILED
test a::left ... ignored, run by another
test a::skipped ... ok

successes:

---- a::held stdout ----
all is well

---- a::skipped stdout ----
skipped: there is no box

successes:
    a::held
";

    #[test]
    fn what_did_not_run_is_not_held() {
        assert_eq!(result(SAID, "a::held"), Result::Held);
        assert_eq!(result(SAID, "a::lost"), Result::Not("FAILED".into()));
        assert_eq!(result(SAID, "a::left"), Result::Not("ignored, run by another".into()));
        assert_eq!(result(SAID, "a::skipped"), Result::Not("skipped: there is no box".into()));
        for missing in ["a::none", "held", "a::hel"] {
            assert!(matches!(result(SAID, missing), Result::Not(why) if why.contains("no such test")), "{missing}");
        }
    }

    #[test]
    fn every_line_has_a_number_of_its_own_and_tests() {
        for (at, line) in LINES.iter().enumerate() {
            assert!(!line.tests.is_empty(), "{}", line.number);
            assert!(LINES.iter().skip(at + 1).all(|other| other.number != line.number), "{} twice", line.number);
        }
    }
}
