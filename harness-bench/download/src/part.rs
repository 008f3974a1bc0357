//! What has come of a file. It stays beside the destination until it is whole, held by one process at a time, and the next attempt,
//! whatever source it asks, goes on from it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::{DownloadError, Progress, digest, space};

pub(crate) struct Part {
    path: PathBuf,
    file: File,
}

impl Drop for Part {
    /// Nothing is left of what nothing came of.
    fn drop(&mut self) {
        if self.length().is_ok_and(|bytes| bytes == 0) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Part {
    /// What there is of `dest`, in a folder that is made where there is none. `key` tells one file from another that is to have the same
    /// name: bytes of another file are never gone on from.
    pub(crate) fn open(dest: &Path, key: &str) -> Result<Self, DownloadError> {
        let folder = dest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|source| DownloadError::Io { path: folder.to_owned(), source })?;
        let mut name = dest.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", key.get(..16).unwrap_or(key)));
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&path);
        let file = file.map_err(|source| DownloadError::Io { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(fs::TryLockError::WouldBlock) => Err(DownloadError::Busy(path)),
            Err(fs::TryLockError::Error(source)) => Err(DownloadError::Io { path, source }),
        }
    }

    fn failed(&self) -> impl Fn(io::Error) -> DownloadError + use<> {
        let path = self.path.clone();
        move |source| DownloadError::Io { path: path.clone(), source }
    }

    pub(crate) fn length(&self) -> Result<u64, DownloadError> {
        self.file.metadata().map(|file| file.len()).map_err(self.failed())
    }

    /// Cuts what there is to so many bytes, and stands behind them.
    pub(crate) fn keep(&mut self, bytes: u64) -> Result<(), DownloadError> {
        let failed = self.failed();
        self.file.set_len(bytes).map_err(&failed)?;
        self.file.seek(SeekFrom::Start(bytes)).map(drop).map_err(failed)
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        let failed = self.failed();
        self.file.write_all(bytes).map_err(failed)
    }

    /// Appends a file and gives its length.
    pub(crate) fn append_file(&mut self, path: &Path) -> Result<u64, DownloadError> {
        let mut file = File::open(path).map_err(|source| DownloadError::Read { path: path.to_owned(), source })?;
        let failed = self.failed();
        io::copy(&mut file, &mut self.file).map_err(failed)
    }

    /// Refuses what does not fit on the disk: so many bytes more beside what is here.
    pub(crate) fn room_for(&self, bytes: u64) -> Result<(), DownloadError> {
        space::room_for(&self.path, bytes)
    }

    /// Throws away what is here.
    pub(crate) fn discard(self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Puts the whole file in its place, if it is the expected one, and gives its digest. `what` is what it is called in an error.
    pub(crate) fn finish(
        mut self,
        dest: &Path,
        expected: Option<&str>,
        what: &str,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<String, DownloadError> {
        self.file.seek(SeekFrom::Start(0)).map_err(self.failed())?;
        progress(Progress::Verifying { bytes: self.length()? });
        let found = digest::of(&mut self.file).map_err(self.failed())?;
        if let Some(expected) = expected.filter(|expected| **expected != found) {
            let (what, expected) = (what.to_owned(), expected.to_owned());
            self.discard();
            return Err(DownloadError::Digest { what, expected, found });
        }
        self.file.sync_all().map_err(self.failed())?;
        fs::rename(&self.path, dest).map_err(|source| DownloadError::Io { path: dest.to_owned(), source })?;
        progress(Progress::Done { files: 1 });
        Ok(found)
    }
}
