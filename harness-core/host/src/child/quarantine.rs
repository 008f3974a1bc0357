//! Packs that were given up: why, and until when — until their bytes change or a person lets them out.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::Inspected;

/// A pack that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The pack's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its bytes: other bytes are not in quarantine.
    pub sha256: String,
    /// Why.
    pub reason: String,
}

/// The packs that were given up; kept in a file, if there is one.
#[derive(Debug, Default)]
pub struct Quarantine {
    file: Option<PathBuf>,
    packs: Mutex<Vec<Quarantined>>,
}

impl Quarantine {
    /// What the file holds. One that cannot be read holds nothing, and is written anew with the next entry.
    pub fn open(file: Option<PathBuf>) -> Self {
        let packs = file.as_deref().map(read).unwrap_or_default();
        Self { file, packs: Mutex::new(packs) }
    }

    /// All of them.
    pub fn packs(&self) -> Vec<Quarantined> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the pack with these bytes was given up, if it was.
    pub fn reason(&self, sha256: &str) -> Option<String> {
        let packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        packs.iter().find(|pack| pack.sha256 == sha256).map(|pack| pack.reason.clone())
    }

    pub(super) fn add(&self, file: &Inspected, reason: &str) {
        let (name, version) = (file.manifest.pack.name.clone(), file.manifest.pack.version.to_string());
        let entry = Quarantined { name, version, sha256: file.sha256.clone(), reason: reason.to_owned() };
        let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        packs.retain(|pack| pack.sha256 != entry.sha256);
        packs.push(entry.clone());
        // Others may have added theirs meanwhile. A quarantine that cannot be written holds for this run.
        if let Some(path) = &self.file {
            let mut all = read(path);
            all.retain(|pack| pack.sha256 != entry.sha256);
            all.push(entry);
            let _ = write(path, &all);
        }
    }
}

/// The packs a quarantine file names; none when there is no such file.
pub fn read(path: &Path) -> Vec<Quarantined> {
    fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Lets packs of this name out; gives those that were in.
///
/// # Errors
///
/// When the file cannot be written.
pub fn release(path: &Path, name: &str) -> io::Result<Vec<Quarantined>> {
    let (out, stay): (Vec<_>, Vec<_>) = read(path).into_iter().partition(|pack| pack.name == name);
    if !out.is_empty() {
        write(path, &stay)?;
    }
    Ok(out)
}

fn write(path: &Path, packs: &[Quarantined]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, serde_json::to_vec_pretty(packs)?)?;
    fs::rename(temporary, path)
}
