//! `harness trust`: shows what a folder from elsewhere would do, and allows it.

use std::{collections::BTreeMap, io::IsTerminal, path::PathBuf};

use clap::Args;
use harness::{
    App, Control, Failure,
    app::folder_trust::{self, Review, ReviewedAct},
};
use harness_terminal::{line, question};
use serde_json::json;

use super::{Global, output};

/// Show what a folder from elsewhere would do, and allow it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness trust clone                                 shows what lies there would do, and asks you
  harness trust clone --yes                           allows it
  harness trust clone/my.toml                         what one harness would do; a suite, a bundle or a pack as well
  harness trust --list                                what you have allowed so far
  harness trust --forget clone                        allows it no longer

What lies in a folder may run packs and programs, send keys and tasks to hosts, and read files elsewhere. The first command that
would do so says what, and stops. Allowed is what is shown, known by folder and content: what changes asks again, what only reads
or writes words for a model never asks. What you make with this program's own commands is allowed from the start. A key goes to the
hosts alone that are known for its variable or that [keys] in policy.toml names; allowing another adds it there. In CI:
--trust-folder, or HARNESS_TRUST_FOLDER=1. docs/security.md says the rest. Exit codes: 0 allowed, 3 not.")]
pub struct TrustArgs {
    /// The folder, or a harness file, a suite, a bundle, a pack in it
    #[arg(value_name = "DIR", required_unless_present_any = ["list", "forget"])]
    path: Option<PathBuf>,
    /// Allow what it would do
    #[arg(long, short)]
    yes: bool,
    /// List what is allowed
    #[arg(long, conflicts_with_all = ["path", "yes", "forget"])]
    list: bool,
    /// Allow this folder, and those in it, nothing any more
    #[arg(long, value_name = "DIR", conflicts_with_all = ["path", "yes"])]
    forget: Option<PathBuf>,
}

/// Shows, and allows.
pub fn run(app: &App, global: &Global, args: TrustArgs) -> Result<(), Failure> {
    if let Some(folder) = &args.forget {
        let forgotten = folder_trust::forget(app, folder)?;
        if global.json {
            return output::json(&json!({"forgotten": forgotten}));
        }
        if forgotten.is_empty() {
            return output::line(format_args!("nothing in {} was allowed anything", folder.display()));
        }
        return forgotten
            .iter()
            .try_for_each(|known| output::line(format_args!("forgotten: {}", known.folder.display())));
    }
    let Some(path) = args.path else { return list(app, global) };
    let review = folder_trust::review(app, &path, &Control::default())?;
    if !global.json {
        output::line(text(&review, &path.display().to_string()))?;
    }
    let asks = review.asks();
    if asks && !args.yes && !approved(global, &path.display().to_string())? {
        return Err(Failure::waiting(format!("{} is not trusted: nobody has allowed it", path.display()))
            .hint("--yes allows what is shown"));
    }
    if asks {
        folder_trust::allow(app, &review)?;
    }
    if global.json {
        return output::json(&review);
    }
    match asks {
        true => output::line("allowed; what changes in it asks again"),
        false => Ok(()),
    }
}

fn list(app: &App, global: &Global) -> Result<(), Failure> {
    let known = folder_trust::list(app)?;
    if global.json {
        return output::json(&json!({"folders": known}));
    }
    if known.is_empty() {
        return output::line("no folder is allowed anything");
    }
    for folder in known {
        output::line(folder.folder.display())?;
        folder.acts.values().try_for_each(|act| output::line(format_args!("  {}", line(act))))?;
    }
    Ok(())
}

/// Asks whoever sits there.
fn approved(global: &Global, path: &str) -> Result<bool, Failure> {
    if global.json || !std::io::stdin().is_terminal() || !question::somebody_is_there() {
        return Ok(false);
    }
    let answer = question::ask(format_args!("allow this to {path}? [y/N]"), || false)?;
    Ok(matches!(answer.as_str(), "y" | "Y" | "yes"))
}

/// For a person who is to allow it.
fn text(review: &Review, path: &str) -> String {
    if review.acts.is_empty() {
        return format!("{} runs nothing, sends nothing and reads nothing outside", line(path));
    }
    let mut files: BTreeMap<String, Vec<&ReviewedAct>> = BTreeMap::new();
    for act in &review.acts {
        files.entry(act.file.display().to_string()).or_default().push(act);
    }
    let mut lines = Vec::new();
    for (file, acts) in files {
        lines.push(line(file).to_string());
        for act in acts {
            let known = if act.allowed { " (allowed)" } else { "" };
            let binds = if act.binds { ", to which the policy will bind this key" } else { "" };
            lines.push(format!("  {}{binds}{known}", line(&act.text)));
        }
    }
    lines.join("\n")
}
