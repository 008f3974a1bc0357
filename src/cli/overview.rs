//! `harness` alone: where you are, and the next command.

use harness::{App, Failure, app::overview::overview};

use super::{Global, output};

/// Says it.
pub fn run(app: &App, global: &Global) -> Result<(), Failure> {
    let here = overview(app);
    if global.json {
        return output::json(&here);
    }
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let suites: Vec<String> = here.suites.iter().map(|suite| suite.display().to_string()).collect();
    output::line(format_args!("harness {}", env!("CARGO_PKG_VERSION")))?;
    output::line(format_args!("here     {}", here.workspace.display()))?;
    output::line(format_args!("packs    {}", list(&here.packs)))?;
    output::line(format_args!("models   {} on this machine", list(&here.models)))?;
    output::line(format_args!("suites   {}", list(&suites)))?;
    match (&here.evolution, here.runs) {
        (Some(newest), _) => {
            let report = newest.report.as_ref().map_or_else(String::new, |path| format!(": {}", path.display()));
            output::line(format_args!("evolved  {} by {}{report}", newest.suite, newest.run))?;
        }
        (None, Some(runs)) => output::line(format_args!("record   {runs} runs"))?,
        (None, None) => output::line("record   none yet")?,
    }
    output::line("\nnext:")?;
    let width = here.next.iter().map(|next| next.command.len()).max().unwrap_or_default();
    for next in &here.next {
        output::line(format_args!("  {:<width$}  {}", next.command, next.does))?;
    }
    output::line("\nEvery command: harness --help")
}
