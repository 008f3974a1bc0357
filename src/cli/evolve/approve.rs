//! `harness evolve approve|reject`: a person's word on proven edits that wait for it.

use clap::Args;
use harness::{
    App, Control, Failure,
    app::evolve::{ApproveRequest, PendingEdit, approve},
};

use crate::cli::{Global, output};

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
pub fn run(app: &App, global: &Global, args: ApproveArgs, approved: bool) -> Result<(), Failure> {
    let by = match args.by {
        Some(by) => Some(by),
        None => app.workspace().var("USER").map_err(Failure::input)?.map(str::to_owned),
    };
    let by = by.ok_or_else(|| Failure::input("who answers? the record keeps it").hint("--by NAME"))?;
    let request = ApproveRequest { run: args.run, approved, by, reason: args.reason };
    for answered in approve(app, &request, &Control::default())? {
        if global.json {
            output::json(&answered)?;
        } else {
            let word = if answered.answer.approved { "approved" } else { "declined" };
            output::line(shown(&answered.request))?;
            output::line(format_args!("{word} by {}", answered.answer.by))?;
        }
    }
    Ok(())
}

fn shown(request: &PendingEdit) -> String {
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
