//! Room on the disk, asked for before a download and not found out at its end.

use std::path::Path;

use crate::DownloadError;

/// Left free for others, in bytes.
const LEFT: u64 = 64 << 20;

/// Refuses what would not fit beside `path`, whose folder exists. Where the system does not say what is free, nothing is refused.
pub(crate) fn room_for(path: &Path, needed: u64) -> Result<(), DownloadError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(found) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    if free >= needed.saturating_add(LEFT) {
        return Ok(());
    }
    Err(DownloadError::NoSpace { path: folder.to_owned(), needed, free })
}
