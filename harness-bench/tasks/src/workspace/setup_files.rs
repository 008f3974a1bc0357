//! Writes the files of a task into its folder. Refuses a path or a link that leads out of the workspace.

use std::{
    fs,
    path::{Component, Path},
};

use super::{Setup, WorkspaceError};

/// Writes everything `setup` names in `folder`.
pub(super) fn all(setup: &Setup, folder: &Path) -> Result<(), WorkspaceError> {
    for (from, to) in &setup.copies {
        copy(from, &folder.join(inside(&to.to_string_lossy())?), from)?;
    }
    for (path, text) in &setup.files {
        let path = folder.join(inside(path)?);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(WorkspaceError::io(parent))?;
        fs::write(&path, text).map_err(WorkspaceError::io(&path))?;
    }
    Ok(())
}

/// A path that stays inside.
pub(super) fn inside(path: &str) -> Result<&Path, WorkspaceError> {
    let inside = Path::new(path);
    let stays = inside.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if stays && !path.is_empty() { Ok(inside) } else { Err(WorkspaceError::Outside(path.to_owned())) }
}

/// Copies a file or a folder; `root` is what links must stay in.
fn copy(from: &Path, to: &Path, root: &Path) -> Result<(), WorkspaceError> {
    let kind = fs::symlink_metadata(from).map_err(WorkspaceError::io(from))?.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(from).map_err(WorkspaceError::io(from))?;
        let real = from.canonicalize().ok().filter(|_| target.is_relative());
        let stays = root.canonicalize().is_ok_and(|root| real.is_some_and(|real| real.starts_with(root)));
        if !stays {
            return Err(WorkspaceError::Link(from.to_owned()));
        }
        return std::os::unix::fs::symlink(target, to).map_err(WorkspaceError::io(to));
    }
    if kind.is_dir() {
        fs::create_dir_all(to).map_err(WorkspaceError::io(to))?;
        for entry in fs::read_dir(from).map_err(WorkspaceError::io(from))? {
            let entry = entry.map_err(WorkspaceError::io(from))?;
            copy(&entry.path(), &to.join(entry.file_name()), root)?;
        }
        return Ok(());
    }
    if !kind.is_file() {
        // To open a pipe is to wait for whoever writes to it.
        return Err(WorkspaceError::NoFile(from.to_owned()));
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(WorkspaceError::io(parent))?;
    }
    fs::copy(from, to).map(drop).map_err(WorkspaceError::io(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_is_refused_and_the_rest_is_placed() {
        let (task, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(task.path().join("sub")).unwrap();
        fs::write(task.path().join("sub/a"), "a").unwrap();
        std::os::unix::fs::symlink("sub/a", task.path().join("link")).unwrap();
        let setup = Setup {
            copies: vec![(task.path().to_owned(), "copied".into())],
            files: [("deep/er/b".to_owned(), "b".to_owned())].into(),
            ..Setup::default()
        };
        all(&setup, folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("copied/link")).unwrap(), "a");
        assert_eq!(fs::read_to_string(folder.path().join("deep/er/b")).unwrap(), "b");
        for path in ["../x", "/x", "a/../../x", ""] {
            let setup = Setup { files: [(path.to_owned(), String::new())].into(), ..Setup::default() };
            assert!(matches!(all(&setup, folder.path()), Err(WorkspaceError::Outside(_))), "{path}");
        }
        std::os::unix::fs::symlink("/etc/passwd", task.path().join("out")).unwrap();
        let setup = Setup { copies: vec![(task.path().to_owned(), "again".into())], ..Setup::default() };
        assert!(matches!(all(&setup, folder.path()), Err(WorkspaceError::Link(_))));
    }
}
