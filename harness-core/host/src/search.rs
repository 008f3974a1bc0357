//! Where packs are looked for.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// The folders to search, most specific first: those named on the command line, those of `$HARNESS_PLUGINS`
/// (separated by `:`), the workspace's `.harness/plugins`, the user's data directory.
pub fn search_path(
    explicit: &[PathBuf],
    variable: Option<&OsStr>,
    workspace: &Path,
    data: Option<&Path>,
) -> Vec<PathBuf> {
    let variable = variable.into_iter().flat_map(std::env::split_paths).filter(|folder| !folder.as_os_str().is_empty());
    let mut folders: Vec<PathBuf> = explicit.iter().cloned().chain(variable).collect();
    folders.push(workspace.join(".harness/plugins"));
    folders.extend(data.map(|data| data.join("harness/plugins")));
    let mut seen = std::collections::HashSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

/// The shared libraries in `folder`, sorted by name; a folder that does not exist has none.
pub(crate) fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "so") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
