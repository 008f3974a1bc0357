//! `harness plugin add` and `update`: a pack's way in. Shows what it asks for, and asks whoever sits there.

use std::{io::IsTerminal, path::PathBuf};

use clap::Args;
use harness::{
    App, Control, Failure,
    app::pack::{AddRequest, Review, install, review},
    spec::Vocabulary,
};
use harness_terminal::{line, question};

use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin add libmy_pack.so                    shows what it asks for, and asks you
  harness plugin add libmy_pack.so --yes              approves it
  harness plugin add libmy_pack.so --key acme.pub     signed by acme, or not at all
  harness plugin update libmy_pack-0.2.so             only what is new needs approval

The file and its signature (FILE.minisig) are copied into .harness/plugins, and harness.lock pins version, bytes, publisher's key,
permissions and what it shows to models. After an update the former version stays beside the new one, for harnesses that name it
and runs that are under way; `harness plugin remove NAME@VERSION` takes it away.")]
pub struct AddArgs {
    /// The pack
    #[arg(value_name = "FILE.so")]
    file: PathBuf,
    /// The publisher's key, or their .pub file: it must be signed with it
    #[arg(long, value_name = "KEY|FILE.pub")]
    key: Option<String>,
    /// Approve what it asks for
    #[arg(long, short)]
    yes: bool,
}

/// Adds or updates the pack.
pub fn run(app: &App, global: &Global, args: AddArgs, update: bool) -> Result<(), Failure> {
    let control = Control::default();
    let review = review(app, &AddRequest { file: args.file, key: args.key, update }, &control)?;
    if !global.json {
        output::line(text(&review))?;
    }
    let asks = review.asks;
    let approved = !asks || args.yes || approved(global, &review)?;
    let installed = install(app, review, approved, &control)?;
    if global.json {
        return output::json(&installed);
    }
    let why = if asks { "approved" } else { "nothing new to approve" };
    output::line(format_args!(
        "{why}: installed as {} and pinned in {}",
        installed.installed.display(),
        installed.lock.display()
    ))
}

/// Asks whoever sits there.
fn approved(global: &Global, review: &Review) -> Result<bool, Failure> {
    if global.json || !std::io::stdin().is_terminal() || !question::somebody_is_there() {
        return Ok(false);
    }
    let answer = question::ask(format_args!("install {} {}? [y/N]", review.name, review.version), || false)?;
    Ok(matches!(answer.as_str(), "y" | "Y" | "yes"))
}

/// For a person who is to approve it.
fn text(review: &Review) -> String {
    let from = review.former.map(|former| format!("{former} → ")).unwrap_or_default();
    let mut lines = vec![format!("{} {from}{} — {}", review.name, review.version, output::flat(&review.description))];
    let mut row = |key: &str, value: &str| lines.push(format!("  {key:<12} {}", line(value)).trim_end().to_owned());
    row("file", &format!("{}, sha256 {}", review.path.display(), review.sha256));
    row("publisher", &publisher(review));
    row("runs", &runs(review));
    row("permissions", &permissions(review));
    let modules: Vec<String> =
        review.modules.iter().map(|module| format!("{} ({})", module.name, module.kind_and_role())).collect();
    row("modules", &modules.join(", "));
    if !review.shown_changes.is_empty() {
        row("shows models", if review.former.is_some() { "otherwise than before" } else { "" });
        let changes = review.shown_changes.iter().flat_map(|change| change.lines());
        lines.extend(changes.map(|changed| format!("    {}", line(changed))));
    }
    lines.join("\n")
}

fn publisher(review: &Review) -> String {
    let now = match (&review.key, &review.publisher) {
        (Some(key), Some(name)) => format!("{name}, signed with {key}"),
        (Some(key), None) => format!("signed with {key}"),
        (None, _) => review.signer.to_owned(),
    };
    match &review.former_key {
        None => now,
        Some(None) => format!("{now} (CHANGED, it was unsigned)"),
        Some(Some(former)) => format!("{now} (CHANGED, it was {former})"),
    }
}

/// Where it runs, and why.
fn runs(review: &Review) -> String {
    let place = if review.isolation.is_process() { "in a child process" } else { "inside this process" };
    match &review.publisher {
        Some(name) => format!("{place}, as policy.toml says of {name}"),
        None => format!("{place}: no publisher that policy.toml trusts signed it"),
    }
}

fn permissions(review: &Review) -> String {
    let mark = |new: bool| if new && review.former.is_some() { " (NEW)" } else { "" };
    let now = review.permissions.iter().map(|one| {
        let new = review.new_permissions.contains(one);
        format!("{}{}", one.name(), mark(new))
    });
    let gone = review.dropped_permissions.iter().map(|one| format!("{} (no longer)", one.name()));
    let parts: Vec<String> = now.chain(gone).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
