//! What the user allowed each folder to do: a file a folder, beside the user's other decisions about it, where nothing that a folder brings
//! can write. Refuses to read one that is damaged as an empty one.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use harness_files::{Folder, MOST_TEXT};
use serde::{Deserialize, Serialize};

use super::act::Act;
use crate::{
    Failure, Workspace,
    replace::{change_private, unwritten},
};

/// The file.
const FILE: &str = "trust.json";

/// What one folder may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedFolder {
    /// The folder, without links.
    pub folder: PathBuf,
    /// What it may do, in words, by digest.
    pub acts: BTreeMap<String, String>,
}

fn file(workspace: &Workspace, folder: &Path) -> Option<PathBuf> {
    Some(harness_host::decisions(&workspace.state()?, folder).join(FILE))
}

fn parse(file: &Path, text: &str) -> Result<TrustedFolder, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::input(format!("{}, which says what you trust, cannot be read: {error}", file.display()))
            .hint("mend it, or take it away: what it allowed is then asked about anew")
    })
}

fn read(file: &Path) -> Result<Option<TrustedFolder>, Failure> {
    match harness_files::read_text(file, MOST_TEXT) {
        Ok(text) => parse(file, &text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::input(format!("{}: {error}", file.display()))),
    }
}

/// What `folder` may do.
///
/// # Errors
///
/// It is written down and cannot be read: then nothing is allowed.
pub(super) fn allowed(workspace: &Workspace, folder: &Path) -> Result<TrustedFolder, Failure> {
    let known = file(workspace, folder).map_or(Ok(None), |file| read(&file))?;
    // Two paths have one file only if somebody put it there.
    Ok(known.filter(|known| known.folder == folder).unwrap_or_default())
}

/// Adds to what `folder` may do.
///
/// # Errors
///
/// There is no home, or what is written down cannot be read or written: it is then as it was.
pub(super) fn allow<'a>(
    workspace: &Workspace,
    folder: &Path,
    acts: impl IntoIterator<Item = &'a Act>,
) -> Result<(), Failure> {
    let acts: Vec<(String, String)> = acts.into_iter().map(|act| (act.digest(), act.to_string())).collect();
    if acts.is_empty() {
        return Ok(());
    }
    let file = file(workspace, folder).ok_or_else(|| {
        Failure::new("no home to keep in what you trust").hint("set $HOME, or $XDG_STATE_HOME to a folder")
    })?;
    if let Some(folder) = file.parent() {
        Folder::open_private(folder).map_err(unwritten(&file))?;
    }
    change_private(&file, |former| {
        let mut known = former.map_or(Ok(TrustedFolder::default()), |text| parse(&file, &text))?;
        if known.folder != folder {
            known = TrustedFolder { folder: folder.to_owned(), ..TrustedFolder::default() };
        }
        known.acts.extend(acts);
        Ok((serde_json::to_string_pretty(&known).map_err(Failure::new)? + "\n", ()))
    })
}

/// Every folder that may do something.
///
/// # Errors
///
/// What is written down cannot be read.
pub(super) fn all(workspace: &Workspace) -> Result<Vec<TrustedFolder>, Failure> {
    let Some(folders) = workspace.state().map(|state| state.join("workspaces")) else { return Ok(Vec::new()) };
    let entries = match std::fs::read_dir(&folders) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::input(format!("{}: {error}", folders.display()))),
    };
    let mut all = Vec::new();
    for entry in entries {
        all.extend(read(&entry?.path().join(FILE))?.filter(|known| !known.acts.is_empty()));
    }
    all.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(all)
}

/// Forgets what `folder` may do; gives what that was.
///
/// # Errors
///
/// What is written down cannot be taken away.
pub(super) fn forget(workspace: &Workspace, folder: &Path) -> Result<TrustedFolder, Failure> {
    let Some(file) = file(workspace, folder) else { return Ok(TrustedFolder::default()) };
    // Damaged or not, it is to go.
    let known = read(&file).ok().flatten().unwrap_or_default();
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritten(&file)(error)),
        _ => Ok(known),
    }
}
