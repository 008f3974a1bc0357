//! `harness evolve approve|reject`: a person's word on proven edits that wait for it.

use clap::Args;
use harness_core::{Clock, SystemClock};
use harness_evolve::{Answer, Request, answer, pending};
use serde_json::json;

use crate::{
    cmd::Global,
    failure::Failure,
    lock::{self, Patience},
    output, wire,
};

/// Answer for the proven edits of a run that wait.
///
/// Shows each edit with its difference on gate tasks, its interval and what it costs, and records who answered. The
/// evolution's own command then continues.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The run, as its report names it
    run: String,
    /// Who answers [default: $USER]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why
    #[arg(long, default_value = "", value_name = "TEXT", allow_hyphen_values = true)]
    reason: String,
}

/// Answers every waiting edit of the run.
pub fn run(global: &Global, args: &ApproveArgs, approved: bool) -> Result<(), Failure> {
    let by = args.by.clone().or_else(|| std::env::var("USER").ok().filter(|name| !name.is_empty()));
    let by = by.ok_or_else(|| Failure::input("who answers? the record keeps it").hint("--by NAME"))?;
    let store = wire::record()?;
    let _held = lock::hold(&args.run, &format!("the run {}", args.run), Patience::Refuse)?;
    let waiting = pending(&*store, &args.run).map_err(Failure::new)?;
    if waiting.is_empty() {
        return Err(Failure::input(format!("nothing of run `{}` waits for an answer", args.run))
            .hint("edits wait in runs of `harness evolve … --approve`; the report names the run"));
    }
    for request in &waiting {
        let mine = Answer { approved, by: by.clone(), reason: args.reason.clone(), at_ms: SystemClock.unix_millis() };
        let counts = answer(&*store, &args.run, &request.candidate, &mine).map_err(Failure::new)?;
        if global.json {
            output::json(&json!({"run": args.run, "request": request, "answer": counts}))?;
        } else {
            output::line(shown(request))?;
            output::line(format!("{} by {}", if counts.approved { "approved" } else { "declined" }, counts.by))?;
        }
    }
    store.flush()?;
    Ok(())
}

fn shown(request: &Request) -> String {
    let fork = request.fork.as_ref().map_or_else(String::new, |cell| format!("\n  makes a variant for {cell}"));
    let gain = request.difference.map_or_else(String::new, |gain| {
        format!(
            "\n  {:+.1} points [{:+.1}, {:+.1}] on {} gate groups at the stop, which favours it",
            100.0 * gain.mean,
            100.0 * gain.low,
            100.0 * gain.high,
            gain.groups
        )
    });
    let more = |(before, after): (f64, f64)| 100.0 * (after - before) / before.max(f64::MIN_POSITIVE);
    let cost = |what: &str, both: (f64, f64)| {
        let share = if both.0 > 0.0 { format!(" ({:+.0} %)", more(both)) } else { String::new() };
        format!("\n  {what} an episode: {:.0} → {:.0}{share}", both.0, both.1)
    };
    format!(
        "{}: {}{fork}{gain}\n  proven at α = {:.4}, capital {:.1}{}{}",
        request.candidate,
        request.edit,
        request.proof.0,
        request.proof.1,
        cost("tokens", request.tokens),
        cost("steps", request.steps)
    )
}
