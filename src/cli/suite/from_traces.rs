//! `harness suite from-traces`: what a served harness was asked becomes tasks.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::suite::{FromTracesRequest, from_traces},
};

use super::new::Marking;
use crate::cli::{Global, output, progress::shown};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite from-traces asked                              answers that users approved or put right
  harness suite from-traces asked --run serve-19a8 --harness deploy/harness.toml
  harness suite from-traces asked --reward ./marks.sh          a command says which answers were right
  harness suite from-traces asked --grader numeric           your word that this grader marks these tasks: all three splits

A task is a request; the right answer is what feedback says it is, or the answer given where feedback or the command approves of
it. A command gets {\"prompt\", \"answer\", \"episode\", \"session\"} as JSON on standard input and approves with exit code 0.
What looks like an address, a key or a token is replaced, and what was replaced is shown; read tasks.jsonl before you share it.")]
pub struct FromTracesArgs {
    /// The suite's name: letters, digits, _ and -, a letter first
    name: String,
    /// The folder to make it in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Only of this run
    #[arg(long, value_name = "RUN", default_value = "")]
    run: String,
    /// Only of this session
    #[arg(long, value_name = "SESSION", default_value = "", allow_hyphen_values = true)]
    session: String,
    /// The least reward that approves of an answer
    #[arg(long, value_name = "REWARD", default_value_t = 1.0, value_parser = crate::cli::argv::finite, allow_negative_numbers = true)]
    least: f64,
    /// A command that says whether an answer was right, in place of feedback
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    reward: Option<String>,
    /// How replies are marked; without it tasks are for exploring alone
    #[arg(long, alias = "verifier")]
    grader: Option<Marking>,
    /// The harness evolution begins with; the one that was served, for instance
    #[arg(long, value_name = "FILE.toml")]
    harness: Option<PathBuf>,
}

/// Makes the suite.
pub fn run(app: &App, global: &Global, args: FromTracesArgs) -> Result<(), Failure> {
    let marked = args.grader.is_some();
    let request = FromTracesRequest {
        name: args.name,
        dir: args.dir,
        run: args.run,
        session: args.session,
        least: args.least,
        reward: args.reward,
        marking: args.grader.map(Into::into),
        harness: args.harness,
    };
    let made = shown(global, |control| from_traces(app, &request, control))?;
    if global.json {
        return output::json(&made);
    }
    for one in &made.redacted {
        output::line(format_args!("redacted  {} {} ({}), {} times", one.mark, one.kind, one.hint, one.times))?;
    }
    output::line(format_args!(
        "made {} with {} tasks of {} requests; {} without feedback, {} not approved of and without a right answer, {} that failed",
        made.folder.display(),
        made.tasks,
        made.requests,
        made.without_feedback,
        made.not_approved,
        made.failed,
    ))?;
    if !marked {
        output::line(
            "they are for exploring alone: nothing can ship on them until you name a --grader that marks them",
        )?;
    }
    Ok(())
}
