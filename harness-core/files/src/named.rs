//! Files that a person names by a path. Below the present folder, where commands of models and packs may work, no link is followed;
//! elsewhere the folder may be reached through links, and the file itself may be none.

use std::{
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

use crate::{Access, Folder, open};

/// The folder that `file` lies in, and its name there. `make`: folders that are not there are made.
///
/// # Errors
///
/// If the path names no file, or its folder cannot be opened as said above.
pub fn folder_of(file: &Path, make: bool) -> io::Result<(Folder, OsString)> {
    let name =
        file.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this path names no file"))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    Ok((folder_at(folder, make)?, name.to_owned()))
}

fn folder_at(folder: &Path, make: bool) -> io::Result<Folder> {
    if let Some(below) = below_here(folder) {
        return Folder::open(Path::new("."))?.below(&below, make);
    }
    if make {
        std::fs::create_dir_all(folder)?;
    }
    Folder::open(folder)
}

/// Makes a folder and those above it, below the present folder through no link.
///
/// # Errors
///
/// If one cannot be made, or is something else.
pub fn make_folders(folder: &Path) -> io::Result<Folder> {
    folder_at(folder, true)
}

/// The path from the present folder, where it leads below it.
fn below_here(path: &Path) -> Option<PathBuf> {
    let here = std::env::current_dir().ok().filter(|here| here.parent().is_some());
    let below = match path.is_absolute() {
        true => path.strip_prefix(here?).ok()?,
        false => path,
    };
    below.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)).then(|| below.to_owned())
}

/// Makes `bytes` the content of `file`, whole: [`Folder::replace`].
///
/// # Errors
///
/// As [`Folder::replace`].
pub fn replace(file: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let (folder, name) = folder_of(file, true)?;
    folder.replace(Path::new(&name), bytes, access)
}

/// Writes a file that is not there yet: [`Folder::create`].
///
/// # Errors
///
/// As [`Folder::create`].
pub fn create(file: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let (folder, name) = folder_of(file, true)?;
    folder.create(Path::new(&name), bytes, access)
}

/// Reads, decides and writes under a lock: [`Folder::change`].
///
/// # Errors
///
/// As [`Folder::change`].
pub fn change<T, E: From<io::Error>>(
    file: &Path,
    access: Access,
    edit: impl FnOnce(Option<Vec<u8>>) -> Result<(Option<Vec<u8>>, T), E>,
) -> Result<T, E> {
    let (folder, name) = folder_of(file, true)?;
    folder.change(Path::new(&name), access, edit)
}

/// Copies a regular file, whole.
///
/// # Errors
///
/// As [`open`] and [`Folder::replace`].
pub fn copy(from: &Path, to: &Path, access: Access) -> io::Result<()> {
    let mut source = open(from)?;
    let (folder, name) = folder_of(to, true)?;
    folder.replace_from(Path::new(&name), &mut source, access)
}
