//! The digest of a file, read in blocks: weights are larger than memory should be asked for.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::DownloadError;

/// sha256 of the file at `path`, 64 lower-case hex digits.
///
/// # Errors
///
/// The file cannot be read.
pub fn sha256(path: &Path) -> Result<String, DownloadError> {
    let at = |source| DownloadError::Read { path: path.to_owned(), source };
    of(&mut File::open(path).map_err(at)?).map_err(at)
}

/// The same of a text.
pub(crate) fn of_text(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The same of an open file, from where it stands.
pub(crate) fn of(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(block.get(..read).unwrap_or_default()),
        }
    }
}
