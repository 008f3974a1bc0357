//! Walking the workspace for `glob` and `grep`: files in the order of their names, without following links, until enough is
//! found or the time is up.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use harness_abi::ToolSink;
use ignore::WalkBuilder;

use crate::{answer::Refusal, folder::Folder};

/// What is never looked into, hidden files or not.
const LEFT_OUT: [&str; 2] = [".harness", ".git"];

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walked {
    /// Everything was seen.
    All,
    /// Enough was found.
    Enough,
    /// There was no more time.
    OutOfTime,
}

/// Shows every file below `from` to `meet`, as a path relative to the workspace, until it says that it is enough.
pub(crate) fn walk(
    folder: &Folder,
    from: &Path,
    hidden: bool,
    seconds: u64,
    sink: &ToolSink,
    mut meet: impl FnMut(PathBuf) -> bool,
) -> Result<Walked, Refusal> {
    let from = folder.path().join(folder.folder(from)?);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut builder = WalkBuilder::new(&from);
    // Settings of the user and of folders above the workspace are not the task's.
    builder
        .follow_links(false)
        .hidden(!hidden)
        .ignore(!hidden)
        .git_ignore(!hidden)
        .git_exclude(false)
        .git_global(false);
    builder.parents(false).require_git(false).sort_by_file_name(Ord::cmp);
    builder.filter_entry(|entry| !LEFT_OUT.iter().any(|name| entry.file_name() == *name));
    for entry in builder.build() {
        if Instant::now() > until || sink.cancelled() {
            return Ok(Walked::OutOfTime);
        }
        // What cannot be looked into is as if it were not there.
        let Ok(entry) = entry else { continue };
        if !entry.file_type().is_some_and(|kind| kind.is_file() || kind.is_symlink()) {
            continue;
        }
        let Ok(path) = entry.path().strip_prefix(folder.path()) else { continue };
        if !meet(path.to_owned()) {
            return Ok(Walked::Enough);
        }
    }
    Ok(Walked::All)
}

/// What is added to a list that is not all of it.
pub(crate) fn note(walked: Walked, shown: usize, what: &str, seconds: u64) -> String {
    match walked {
        Walked::All => String::new(),
        Walked::Enough => format!("[the first {shown} {what}; there are more: narrow the pattern or the path]\n"),
        Walked::OutOfTime => format!("[stopped after {seconds} s with {shown} {what}: narrow the path]\n"),
    }
}
