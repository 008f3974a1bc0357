//! `harness plugin verify`: whether everything is as harness.lock says.

use harness::{App, Failure, app::pack::verify};

use crate::cli::{Global, output, progress::shown};

/// Checks every entry of the lock.
pub fn run(app: &App, global: &Global) -> Result<(), Failure> {
    let verified = shown(global, |control| verify(app, control))?;
    if global.json {
        output::json(&verified)?;
    } else {
        for pack in &verified.packs {
            let signed = if pack.signed { ", signed" } else { "" };
            match &pack.problem {
                None => output::line(format_args!("ok    {} {}{signed}", pack.name, pack.version))?,
                Some(problem) => output::line(format_args!("BAD   {} {}: {problem}", pack.name, pack.version))?,
            }
        }
    }
    match verified.bad {
        0 => Ok(()),
        bad => Err(Failure::new(format!("{bad} of {} packs are not as harness.lock says", verified.packs.len()))
            .hint("restore the file, or approve what changed: `harness plugin remove` and `add`")),
    }
}
