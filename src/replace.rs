//! Replacing a file whole: a reader sees the old text or the new, never half of one, and a full disk leaves the old.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// Makes `text` the content of `path`. A link stays a link; the permissions stay as they were.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let draft = draft(&target);
    let written = write(&draft, &target, text);
    if written.is_err() {
        // It may not even exist; the first error is the one to report.
        let _ = std::fs::remove_file(&draft);
    }
    written.map_err(|error| {
        Failure::new(format!("cannot write {}: {error}", path.display()))
            .hint("the file is as it was; is the disk full?")
    })
}

fn draft(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn write(draft: &Path, target: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::File::create(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if let Ok(metadata) = std::fs::metadata(target) {
        std::fs::set_permissions(draft, metadata.permissions())?;
    }
    std::fs::rename(draft, target)
}
