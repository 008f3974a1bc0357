//! Writing the files a person named or keeps: whole, through no link, and without losing what another process writes meanwhile.

use std::path::Path;

use harness_files::Access;

use crate::Failure;

/// Makes `text` the content of `path`: a reader sees the old text or the new. The permissions stay as they were.
///
/// # Errors
///
/// If the file is a link or no regular file, or cannot be written; it is then as it was.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    harness_files::replace(path, text.as_bytes(), Access::Usual).map_err(unwritten(path))
}

/// Reads the text of `path` (`None`: there is no such file), and writes what `edit` makes of it, while no other process does the same.
///
/// # Errors
///
/// What `edit` says, and if the file cannot be read or written: it is then as it was, and what was not read is not written over.
pub(crate) fn change<T>(
    path: &Path,
    edit: impl FnOnce(Option<String>) -> Result<(String, T), Failure>,
) -> Result<T, Failure> {
    changed(path, Access::Usual, edit)
}

/// As [`change`], of a file that its owner alone may read.
///
/// # Errors
///
/// As [`change`].
pub(crate) fn change_private<T>(
    path: &Path,
    edit: impl FnOnce(Option<String>) -> Result<(String, T), Failure>,
) -> Result<T, Failure> {
    changed(path, Access::Private, edit)
}

fn changed<T>(
    path: &Path,
    access: Access,
    edit: impl FnOnce(Option<String>) -> Result<(String, T), Failure>,
) -> Result<T, Failure> {
    let decide = |former: Option<Vec<u8>>| {
        let former = former.map(String::from_utf8).transpose().map_err(|_| Changed::Edit(not_text(path)))?;
        let (text, result) = edit(former).map_err(Changed::Edit)?;
        Ok((Some(text.into_bytes()), result))
    };
    harness_files::change(path, access, decide).map_err(|error| match error {
        Changed::File(error) => unwritten(path)(error),
        Changed::Edit(failure) => failure,
    })
}

/// Why a file was not changed.
enum Changed {
    File(std::io::Error),
    Edit(Failure),
}

impl From<std::io::Error> for Changed {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

fn not_text(path: &Path) -> Failure {
    Failure::input(format!("{}: it is not UTF-8", path.display()))
}

/// The error for a file that was to be written.
pub(crate) fn unwritten(path: &Path) -> impl Fn(std::io::Error) -> Failure + '_ {
    |error| {
        let failure = Failure::new(format!("cannot write {}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::StorageFull => failure.hint("the file is as it was; the disk is full"),
            _ => failure.hint("the file is as it was"),
        }
    }
}
