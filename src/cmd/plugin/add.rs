//! `harness plugin add` and `update`: a pack's way in. Shows what it asks for, installs it and pins it in harness.lock once that is
//! approved. Refuses what nobody approved, an update that goes back, and one from another publisher.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use clap::Args;
use harness_files::Access;
use harness_host::signature_path;
use harness_terminal::question;
use serde_json::json;

use super::{
    Global,
    review::{PackReview, Present},
};
use crate::{failure::Failure, output, paths, policy, wire};

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

/// Adds a pack of a new name.
pub fn add(global: &Global, args: &AddArgs) -> Result<(), Failure> {
    let (review, present) = read(args)?;
    if let Some(present) = present {
        let (name, installed) = (review.name(), present.version);
        return Err(Failure::input(format!("{name} {installed} is installed"))
            .hint(format!("harness plugin update {}", args.file.display())));
    }
    install(global, args, &review, None)
}

/// Adds a newer version of an installed pack.
pub fn update(global: &Global, args: &AddArgs) -> Result<(), Failure> {
    let (review, present) = read(args)?;
    let (name, version) = (review.name(), review.version());
    let Some(present) = present else {
        return Err(Failure::input(format!("{name} is not installed"))
            .hint(format!("harness plugin add {}", args.file.display())));
    };
    if version <= present.version {
        return Err(Failure::input(format!(
            "{name} {version} is not newer than {}, which is installed",
            present.version
        ))
        .hint("to go back, `harness plugin remove` and `add`"));
    }
    if let Some(former) = present.publisher.as_ref().filter(|_| args.key.is_none())
        && review.trust.signer.key() != Some(former)
    {
        return Err(Failure::input(format!(
            "{name} {version} is not signed with {former}, as {} was",
            present.version
        ))
        .hint("if its publisher has a new key, and you have it from them: --key KEY"));
    }
    install(global, args, &review, Some(&present))
}

fn read(args: &AddArgs) -> Result<(PackReview, Option<Present>), Failure> {
    let name = harness_host::inspect(&args.file)?.manifest.pack.name;
    let named = args.key.as_deref().map(policy::key).transpose()?;
    let present = Present::of(&name)?;
    let pinned = present.as_ref().and_then(|present| present.publisher.clone());
    let keys: Vec<_> = named.iter().cloned().chain(pinned).collect();
    let review = PackReview::read(&args.file, &keys)?;
    if let Some(named) = named.filter(|named| review.trust.signer.key() != Some(named)) {
        return Err(Failure::input(format!("{} is not signed with {named}", args.file.display()))
            .hint("its signature must be beside it: FILE.so.minisig"));
    }
    Ok((review, present))
}

fn install(global: &Global, args: &AddArgs, review: &PackReview, present: Option<&Present>) -> Result<(), Failure> {
    lock()?;
    if !global.json {
        output::line(review.text(present))?;
    }
    let asks = present.is_none_or(|present| review.asks(present));
    if asks && !args.yes && !approved(global, review)? {
        return Err(Failure::input(format!(
            "{} {} is not installed: nobody approved it",
            review.name(),
            review.version()
        ))
        .hint("--yes approves what is shown"));
    }
    let to = paths::plugins().join(format!("{}-{}.so", review.name(), review.version()));
    copy(&args.file, &to, &review.file.sha256)?;
    wire::change_lock(|present| {
        let mut lock = present.unwrap_or_default();
        lock.insert(review.entry());
        Ok((lock, ()))
    })?;
    if global.json {
        let mut object = review.json(present);
        object["installed"] = json!(to);
        return output::json(&object);
    }
    let why = if asks { "approved" } else { "nothing new to approve" };
    output::line(format_args!("{why}: installed as {} and pinned in {}", to.display(), paths::lock().display()))
}

/// Looks whether there is a lock to write into. A new one would shut out whatever else is installed: that is decided first.
fn lock() -> Result<(), Failure> {
    if wire::lock()?.is_some() {
        return Ok(());
    }
    let host = wire::host(&[])?;
    let files = host.catalogue().packs().filter(|pack| host.file(&pack.pack.name, pack.pack.version).is_some());
    let others: Vec<String> = files.map(|pack| format!("{} {}", pack.pack.name, pack.pack.version)).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Failure::input(format!("there is no harness.lock yet, and a new one would shut out {}", others.join(", ")))
        .hint("`harness plugin lock` approves all that is installed; then add again"))
}

/// Asks whoever sits there.
fn approved(global: &Global, review: &PackReview) -> Result<bool, Failure> {
    if global.json || !std::io::stdin().is_terminal() || !question::somebody_is_there() {
        return Ok(false);
    }
    let answer = question::ask(format_args!("install {} {}? [y/N]", review.name(), review.version()), || false)?;
    Ok(matches!(answer.as_str(), "y" | "Y" | "yes"))
}

/// Copies pack and signature; each appears whole or not at all, the signature first.
fn copy(from: &Path, to: &Path, sha256: &str) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", to.display()));
    let signature = signature_path(from);
    let pairs = [(signature.as_path(), signature_path(to)), (from, to.to_owned())];
    for (from, to) in pairs.iter().filter(|(from, _)| from.exists()) {
        harness_files::copy(from, to, Access::Usual).map_err(fail)?;
    }
    // What was approved is what must lie there: the file may have changed in between.
    if harness_host::inspect(to)?.sha256 == sha256 {
        return Ok(());
    }
    std::fs::remove_file(to).map_err(fail)?;
    Err(Failure::input(format!("{} changed while it was being approved", from.display())).hint("look at it again"))
}
