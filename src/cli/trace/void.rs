//! `harness trace void`: marks calls and episodes that do not count any more.

use clap::Args;
use harness::{
    App, Control, Failure,
    app::record::{VoidRequest, void},
};

use super::Which;
use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness trace void run-19a8 --why 'the server answered with an error page'
  harness trace void --run bench-1f2e3d4c5b-1 --outcome fault
  harness trace void --model gpt-4o-mini --suite tickets      only the calls that this model answered
  harness trace void 1a2b3c4d5e6f                             a call, by the beginning of its key (`trace show --json`)")]
pub struct VoidArgs {
    /// Episodes by their ids or the beginnings of them, calls by the beginning of their keys
    #[arg(value_name = "EPISODE|CALL", required_unless_present_any = ["run", "suite", "split", "group", "about", "outcome", "model"])]
    names: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// Only calls that this model answered: its name in the harness
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    model: String,
    /// Why, for whoever reads the record later
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    why: String,
}

/// Marks them.
pub fn run(app: &App, global: &Global, args: VoidArgs) -> Result<(), Failure> {
    let request = VoidRequest { names: args.names, which: args.which.into(), model: args.model, why: args.why };
    let voided = void(app, &request, &Control::default())?;
    if global.json {
        return output::json(&voided);
    }
    output::line(format_args!(
        "{} calls and {} episodes are void: later runs ask again, and no result counts them",
        voided.calls,
        voided.episodes.len()
    ))
}
