//! Packs that were given up: why, and until when — until their bytes change or a person lets them out. Fails closed: while the file
//! cannot be read, nobody knows which packs it names, and none that would run in a child does.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use harness_files::{Access, Folder, MOST_TEXT};
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

/// Where packs that were given up are written down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuarantineFiles {
    /// A file where no pack writes; without one the quarantine holds for this run.
    pub own: Option<PathBuf>,
    /// Where versions before kept it: still obeyed, and written only to let packs out.
    pub former: Option<PathBuf>,
}

/// The quarantine cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineError {
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for QuarantineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, why) = (self.path.display(), &self.why);
        write!(
            f,
            "the quarantine {path} cannot be used ({why}), so no pack runs in a child process: mend the file, or delete it to let all packs out"
        )
    }
}

impl std::error::Error for QuarantineError {}

/// The packs that were given up.
#[derive(Debug)]
pub struct Quarantine {
    files: QuarantineFiles,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What the files say.
    written: Result<Vec<Quarantined>, QuarantineError>,
    /// What this run decided: it holds to the end of it, whatever becomes of the files.
    decided: Vec<Quarantined>,
}

impl Quarantine {
    /// What the files hold.
    pub fn open(files: QuarantineFiles) -> Self {
        let written = read(&files);
        Self { files, state: Mutex::new(State { written, decided: Vec::new() }) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again: other processes give packs up too, and people let them out.
    pub(super) fn renew(&self) {
        let written = read(&self.files);
        self.state().written = written;
    }

    /// All of them.
    pub fn packs(&self) -> Result<Vec<Quarantined>, QuarantineError> {
        let state = self.state();
        let written = state.written.clone()?;
        let known = |pack: &&Quarantined| written.iter().any(|other| other.sha256 == pack.sha256);
        let decided = state.decided.iter().filter(|pack| !known(pack)).cloned().collect::<Vec<_>>();
        Ok([written, decided].concat())
    }

    /// Why the pack with these bytes was given up, if it was.
    pub fn reason(&self, sha256: &str) -> Result<Option<String>, QuarantineError> {
        let packs = self.packs()?;
        Ok(packs.into_iter().find(|pack| pack.sha256 == sha256).map(|pack| pack.reason))
    }

    /// Gives a pack up. Where that cannot be written down it holds for this run alone, and its reason says so.
    pub(super) fn add(&self, file: &Inspected, reason: &str) {
        let (name, version) = (file.manifest.pack.name.clone(), file.manifest.pack.version.to_string());
        let entry = Quarantined { name, version, sha256: file.sha256.clone(), reason: reason.to_owned() };
        let mut decided = entry.clone();
        if let Some(path) = &self.files.own
            && let Err(error) = change(path, |mut packs| {
                packs.retain(|pack| pack.sha256 != entry.sha256);
                packs.push(entry);
                packs
            })
        {
            decided.reason = format!("{reason}; for this run alone, since it cannot be written down: {}", error.why);
        }
        let mut state = self.state();
        state.decided.retain(|pack| pack.sha256 != decided.sha256);
        state.decided.push(decided);
    }
}

/// The packs that the files name; none where there is no file.
///
/// # Errors
///
/// If a file is there and cannot be read or understood.
pub fn read(files: &QuarantineFiles) -> Result<Vec<Quarantined>, QuarantineError> {
    let mut all: Vec<Quarantined> = Vec::new();
    for path in files.own.iter().chain(&files.former) {
        let bytes = match harness_files::read(path, MOST_TEXT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(QuarantineError { path: path.clone(), why: error.to_string() }),
        };
        let packs = parse(path, &bytes)?;
        all.extend(
            packs.into_iter().filter(|pack| !all.iter().any(|known| known.sha256 == pack.sha256)).collect::<Vec<_>>(),
        );
    }
    Ok(all)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Quarantined>, QuarantineError> {
    serde_json::from_slice(bytes).map_err(|error| QuarantineError { path: path.to_owned(), why: error.to_string() })
}

/// Lets packs of this name out; gives those that were in.
///
/// # Errors
///
/// If a file cannot be read, understood or written: it is then as it was.
pub fn release(files: &QuarantineFiles, name: &str) -> Result<Vec<Quarantined>, QuarantineError> {
    let out: Vec<_> = read(files)?.into_iter().filter(|pack| pack.name == name).collect();
    for path in files.own.iter().chain(&files.former).filter(|path| path.exists()) {
        change(path, |mut packs| {
            packs.retain(|pack| pack.name != name);
            packs
        })?;
    }
    Ok(out)
}

/// Changes what a file says while no other process does.
fn change(path: &Path, edit: impl FnOnce(Vec<Quarantined>) -> Vec<Quarantined>) -> Result<(), QuarantineError> {
    let fail = |error: io::Error| QuarantineError { path: path.to_owned(), why: error.to_string() };
    let nameless = || fail(io::Error::other("it has no name"));
    let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(nameless)?;
    let decide = |former: Option<Vec<u8>>| {
        let packs = former.map_or(Ok(Vec::new()), |bytes| serde_json::from_slice(&bytes)).map_err(io::Error::other)?;
        io::Result::Ok((Some(serde_json::to_vec_pretty(&edit(packs))?), ()))
    };
    Folder::open_private(folder)
        .and_then(|folder| folder.change(Path::new(name), Access::Private, decide))
        .map_err(fail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    fn files(folder: &Path) -> QuarantineFiles {
        QuarantineFiles { own: Some(folder.join("state/quarantine.json")), former: Some(folder.join("former.json")) }
    }

    fn entry(name: &str) -> Quarantined {
        Quarantined { name: name.into(), version: "1.0.0".into(), sha256: name.repeat(3), reason: "it crashed".into() }
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_empty() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        assert_eq!(read(&files), Ok(Vec::new()));
        let (own, former) = (files.own.clone().unwrap(), files.former.clone().unwrap());
        std::fs::create_dir(own.parent().unwrap()).unwrap();
        for (path, text) in [(&own, "[{\"name\": \"half"), (&own, ""), (&former, "{}"), (&own, "null")] {
            std::fs::write(path, text).unwrap();
            let quarantine = Quarantine::open(files.clone());
            let error = quarantine.reason("any").unwrap_err();
            assert!(error.path == *path && error.to_string().contains("no pack runs in a child process"), "{error}");
            release(&files, "any").unwrap_err();
            assert_eq!(std::fs::read_to_string(path).unwrap(), text, "it stays for whoever mends it");
            std::fs::remove_file(path).unwrap();
            quarantine.renew();
            assert_eq!(quarantine.reason("any"), Ok(None));
        }
        std::fs::create_dir(&own).unwrap();
        Quarantine::open(files).reason("any").unwrap_err();
    }

    #[test]
    fn the_former_file_is_obeyed_until_its_packs_are_released() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        std::fs::write(files.former.as_ref().unwrap(), serde_json::to_string(&[entry("a"), entry("b")]).unwrap())
            .unwrap();
        assert_eq!(read(&files).unwrap().len(), 2);
        assert_eq!(release(&files, "a").unwrap(), [entry("a")]);
        assert_eq!(read(&files).unwrap(), [entry("b")]);
    }

    #[test]
    fn eight_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/quarantine.json");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let add = |mut packs: Vec<Quarantined>| {
                        packs.push(entry(&number.to_string()));
                        packs
                    };
                    change(path, add).unwrap();
                });
            }
        });
        assert_eq!(read(&QuarantineFiles { own: Some(path), former: None }).unwrap().len(), 8);
    }
}
