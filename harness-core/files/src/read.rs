//! Opening and reading files that come from outside: regular files alone, without waiting, up to a limit.

use std::{
    fs::{File, FileType},
    io::{self, Read},
    os::{fd::OwnedFd, unix::fs::FileTypeExt},
    path::Path,
};

use rustix::fs::{CWD, Mode, OFlags, openat};

/// Opens a regular file to read. A link that a person named is followed; what it leads to must be a regular file.
///
/// # Errors
///
/// If the file cannot be opened, or is a folder, a pipe, a socket or a device: such a file is never waited for.
pub fn open(path: &Path) -> io::Result<File> {
    // Looked at before it is opened, because opening a device may already do something.
    regular(std::fs::metadata(path)?.file_type())?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    checked(openat(CWD, path, flags, Mode::empty())?)
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
///
/// As [`open`], and if the file is larger.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    contents(open(path)?, most)
}

/// Reads a regular file of at most `most` bytes as UTF-8.
///
/// # Errors
///
/// As [`read`], and if the file is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    text(read(path, most)?)
}

/// The file behind a descriptor, if it is a regular one.
pub(crate) fn checked(opened: OwnedFd) -> io::Result<File> {
    let file = File::from(opened);
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

pub(crate) fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error().to_string()))
}

/// All bytes of a file, if there are no more than `most`.
pub(crate) fn contents(file: File, most: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    if size <= most {
        bytes.reserve_exact(usize::try_from(size).unwrap_or_default());
        // It may grow while it is read.
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if size > most || bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}

fn regular(kind: FileType) -> io::Result<()> {
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, not a file")),
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_symlink() => "a link",
        _ => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a regular file")))
}
