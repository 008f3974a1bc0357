//! A pack's way in. It is reviewed, and installed and pinned in harness.lock once that is approved. Refuses what nobody approved, an update
//! that goes back, and one from another publisher.

use std::path::{Path, PathBuf};

use harness_files::Access;
use harness_host::signature_path;
use serde::{Deserialize, Serialize};

use super::{
    super::{App, folder_trust},
    review::{Candidate, Present, Review},
};
use crate::{Control, Failure, policy};

/// A pack that is to come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddRequest {
    /// Its file.
    pub file: PathBuf,
    /// The publisher's key, or a `.pub` file that holds it: the pack must be signed with it.
    #[serde(default)]
    pub key: Option<String>,
    /// Whether it takes the place of an older version; otherwise its name must be new.
    #[serde(default)]
    pub update: bool,
}

/// A pack that was installed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Installed {
    /// What was approved.
    #[serde(flatten)]
    pub review: Review,
    /// Its file now.
    pub installed: PathBuf,
    /// The lock it is pinned in.
    #[serde(skip)]
    pub lock: PathBuf,
}

/// What a person must know before the pack is installed. Its tools are started, and asked what they show.
///
/// # Errors
///
/// The file is no pack, its name is taken or not there to be updated, its version goes back, it is not signed as it must be, or it was
/// cancelled.
pub fn review(app: &App, request: &AddRequest, control: &Control) -> Result<Review, Failure> {
    let file = request.file.display();
    let (candidate, present) = read(app, request)?;
    control.check()?;
    let (name, version) = (candidate.name(), candidate.version());
    match &present {
        Some(present) if !request.update => {
            return Err(Failure::input(format!("{name} {} is installed", present.version))
                .hint(format!("harness plugin update {file}")));
        }
        None if request.update => {
            return Err(Failure::input(format!("{name} is not installed")).hint(format!("harness plugin add {file}")));
        }
        Some(present) if version <= present.version => {
            return Err(Failure::input(format!(
                "{name} {version} is not newer than {}, which is installed",
                present.version
            ))
            .hint("to go back, `harness plugin remove` and `add`"));
        }
        _ => {}
    }
    let former = present.as_ref().and_then(|present| Some((present, present.publisher.as_ref()?)));
    if let Some((present, former)) = former.filter(|_| request.update && request.key.is_none())
        && candidate.trust.signer.key() != Some(former)
    {
        return Err(Failure::input(format!(
            "{name} {version} is not signed with {former}, as {} was",
            present.version
        ))
        .hint("if its publisher has a new key, and you have it from them: --key KEY"));
    }
    // What would keep it out is said before anybody is asked.
    lock(app)?;
    Ok(candidate.review(present.as_ref()))
}

fn read(app: &App, request: &AddRequest) -> Result<(Candidate, Option<Present>), Failure> {
    let name = harness_host::inspect(&request.file)?.manifest.pack.name;
    let named = request.key.as_deref().map(policy::key).transpose()?;
    let present = Present::of(app, &name)?;
    let pinned = present.as_ref().and_then(|present| present.publisher.clone());
    let keys: Vec<_> = named.iter().cloned().chain(pinned).collect();
    let candidate = Candidate::read(app, &request.file, &keys)?;
    if let Some(named) = named.filter(|named| candidate.trust.signer.key() != Some(named)) {
        return Err(Failure::input(format!("{} is not signed with {named}", request.file.display()))
            .hint("its signature must be beside it: FILE.so.minisig"));
    }
    Ok((candidate, present))
}

/// Installs a reviewed pack: copies its file and signature, and pins it in the lock. `approved` is a person's word on the review; it is not
/// needed where [`Review::asks`] is false.
///
/// # Errors
///
/// Nobody approved it, the file has changed since it was reviewed, something cannot be written, or it was cancelled.
pub fn install(app: &App, review: Review, approved: bool, control: &Control) -> Result<Installed, Failure> {
    if review.asks && !approved {
        return Err(Failure::input(format!("{} {} is not installed: nobody approved it", review.name, review.version))
            .hint("--yes approves what is shown"));
    }
    control.check()?;
    lock(app)?;
    let to = app.workspace().plugins().join(format!("{}-{}.so", review.name, review.version));
    copy(&review.path, &to, &review.sha256)?;
    folder_trust::installed(app, &harness_host::inspect(&to)?)?;
    app.change_lock(|present| {
        let mut lock = present.unwrap_or_default();
        lock.insert(review.entry.clone());
        Ok((lock, ()))
    })?;
    let pinned = app.workspace().lock();
    Ok(Installed { review, installed: to, lock: pinned })
}

/// Looks whether there is a lock to write into. A new one would shut out whatever else is installed: that is decided first.
fn lock(app: &App) -> Result<(), Failure> {
    if app.lock()?.is_some() {
        return Ok(());
    }
    let host = app.host_of_workspace()?;
    let files = host.catalogue().packs().filter(|pack| host.file(&pack.pack.name, pack.pack.version).is_some());
    let others: Vec<String> = files.map(|pack| format!("{} {}", pack.pack.name, pack.pack.version)).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Failure::input(format!("there is no harness.lock yet, and a new one would shut out {}", others.join(", ")))
        .hint("`harness plugin lock` approves all that is installed; then add again"))
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
