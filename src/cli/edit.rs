//! `harness edit`: edits of a harness from the command line.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Control, Failure,
    app::edit::{self, CompareFilesRequest, EditRequest},
    spec::ModuleRef,
};

use super::{Global, output};

/// Change a harness file, keeping its layout; or compare two
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness edit my.toml --set budget.steps=10 --set sampling.temperature=0.7
  harness edit my.toml --set router.k=5                     a config field of the module with id router
  harness edit my.toml --set router.k=                      back to its default
  harness edit my.toml --set model.main=openai:llama-3 --set model.main.base_url=http://localhost:8080/v1
  harness edit my.toml --insert std/loop_guard --after system_prompt
  harness edit my.toml --remove notes --dry-run
  harness edit my.toml --diff other.toml                    what leads from one to the other

Removals come first, then insertions, then settings. A value is JSON, or else text.")]
pub struct EditArgs {
    /// The harness
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Set a config field of a module, a setting (budget.steps, sampling.temperature, action, …) or a model role
    #[arg(long, value_name = "ID.KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Add a processor or a tool
    #[arg(long, value_name = "PACK/MODULE")]
    insert: Vec<ModuleRef>,
    /// Where to insert: after the module of this id; by default at the end
    #[arg(long, value_name = "ID", requires = "insert")]
    after: Option<String>,
    /// Take a processor or a tool out
    #[arg(long, value_name = "ID")]
    remove: Vec<String>,
    /// Show the edit that leads to another file; writes nothing
    #[arg(long, value_name = "OTHER.toml", conflicts_with_all = ["set", "insert", "remove", "dry_run"])]
    diff: Option<PathBuf>,
    /// Show what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Changes the file, or compares two.
pub fn run(app: &App, global: &Global, args: EditArgs) -> Result<(), Failure> {
    let edited = match args.diff {
        Some(other) => edit::diff(app, &CompareFilesRequest { file: args.file, other })?,
        None => {
            let request = EditRequest {
                file: args.file,
                set: args.set,
                insert: args.insert,
                after: args.after,
                remove: args.remove,
                dry_run: args.dry_run,
            };
            edit::edit(app, &request, &Control::default())?
        }
    };
    if global.json {
        return output::json(&edited);
    }
    let [old, new] = &edited.short;
    output::line(format_args!("{old} → {new}"))?;
    output::line(&edited.edit)?;
    match &edited.text {
        Some(text) => output::line(format_args!("not written (--dry-run):\n\n{}", text.trim_end())),
        None => Ok(()),
    }
}
