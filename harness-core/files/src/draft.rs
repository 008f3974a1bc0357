//! Something that takes its place when it is whole: a folder under a random name beside where it will be.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use crate::{Access, Folder, named::folder_of, open};

/// A folder that is being filled beside its place; gone if it never takes it.
#[derive(Debug)]
pub struct Draft {
    beside: Folder,
    inside: Folder,
    draft: OsString,
    name: OsString,
}

impl Draft {
    /// A draft beside `place`.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn beside(place: &Path) -> io::Result<Self> {
        let (beside, name) = folder_of(place, true)?;
        let draft = beside.draft_folder()?;
        let inside = beside.below(Path::new(&draft), false)?;
        Ok(Self { beside, inside, draft, name })
    }

    /// The folder to fill.
    pub fn folder(&self) -> &Folder {
        &self.inside
    }

    /// Where it is, for what must be given a path.
    pub fn path(&self) -> &Path {
        self.inside.path()
    }

    /// Writes a file of it.
    ///
    /// # Errors
    ///
    /// As [`Folder::replace`].
    pub fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        self.inside.replace(Path::new(file), bytes, Access::Usual)
    }

    /// Copies a regular file into it.
    ///
    /// # Errors
    ///
    /// As [`open`] and [`Folder::replace`].
    pub fn copy(&self, from: &Path, file: &str) -> io::Result<()> {
        self.inside.replace_from(Path::new(file), &mut open(from)?, Access::Usual)
    }

    /// Takes its place, in which nothing lies yet; gives the path.
    ///
    /// # Errors
    ///
    /// If something lies there, or the rename fails.
    pub fn finish(self) -> io::Result<PathBuf> {
        self.beside.take_place(Path::new(&self.draft), &self.name, false)?;
        Ok(self.beside.path().join(&self.name))
    }

    /// One file of it takes the place, over the regular file that may lie there; the rest goes.
    ///
    /// # Errors
    ///
    /// If something else lies there, or the rename fails.
    pub fn finish_file(self, file: &str) -> io::Result<PathBuf> {
        self.inside.file(Path::new(file))?.sync_all()?;
        self.beside.take_place(&Path::new(&self.draft).join(file), &self.name, true)?;
        Ok(self.beside.path().join(&self.name))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it took its place.
        let _ = std::fs::remove_dir_all(self.inside.path());
    }
}
