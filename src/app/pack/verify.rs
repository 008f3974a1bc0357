//! Whether everything is as harness.lock says: bytes, signatures, permissions, and what tools say of themselves today. Refuses to pass a
//! workspace without a lock.

use harness_host::{Host, HostError};
use harness_spec::{LockedPack, Version};
use serde::Serialize;

use super::{
    super::{App, folder_trust::Asking},
    review::shown,
};
use crate::{Control, Failure};

/// What became of a lock's entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The entries, in order.
    pub packs: Vec<VerifiedPack>,
    /// How many are not as the lock says.
    pub bad: usize,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedPack {
    /// The pack.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What is not as the lock says; `None`: all is.
    pub problem: Option<String>,
    /// Whether the lock names a publisher's key.
    #[serde(skip)]
    pub signed: bool,
}

/// Checks every entry of the lock. Tools are started, to read what they say of themselves. Entries that are wrong are a result.
///
/// # Errors
///
/// There is no lock, or it was cancelled.
pub fn verify(app: &App, control: &Control) -> Result<Verified, Failure> {
    let lock = app.lock()?.ok_or_else(|| {
        Failure::input("there is no harness.lock to verify").hint("`harness plugin add` or `lock` writes one")
    })?;
    let host = app.host()?;
    let mut asking = Asking::new(app, &host);
    asking.installed();
    asking.allowed()?;
    let mut packs = Vec::new();
    for pack in &lock.packs {
        control.check()?;
        packs.push(VerifiedPack {
            name: pack.name.clone(),
            version: pack.version,
            problem: problem(&host, pack).err(),
            signed: pack.publisher.is_some(),
        });
    }
    Ok(Verified { bad: packs.iter().filter(|pack| pack.problem.is_some()).count(), packs })
}

fn problem(host: &Host, locked: &LockedPack) -> Result<(), String> {
    let (name, version) = (&locked.name, locked.version);
    let Some(file) = host.file(name, version) else {
        return Err(refusal(host, locked).unwrap_or_else(|| "no such file on the search path".to_owned()));
    };
    if file.manifest.permissions() != locked.permissions {
        return Err("its permissions are not those that were approved".to_owned());
    }
    let shown = shown(host, name, version).map_err(|failure| failure.to_string())?;
    let changed: Vec<&str> = shown
        .iter()
        .filter(|(module, hash)| locked.shown.get(*module) != Some(hash))
        .map(|(module, _)| module.as_str())
        .chain(locked.shown.keys().filter(|module| !shown.contains_key(*module)).map(String::as_str))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(format!("it shows models something else than when it was locked: {}", changed.join(", ")))
}

/// Why the file of this entry was not admitted, if one was found.
fn refusal(host: &Host, locked: &LockedPack) -> Option<String> {
    host.refused().iter().find_map(|error| match error {
        HostError::Refused { path, refusal } => {
            let pack = harness_host::inspect(path).ok()?.manifest.pack;
            let same = pack.name == locked.name && pack.version == locked.version;
            same.then(|| format!("{} {refusal}", path.display()))
        }
        _ => None,
    })
}
