//! Pins every installed file by its bytes, and what the tools of a harness show where their bytes do not say. A lock there was is what it
//! replaces, not what it obeys.

use std::{collections::BTreeMap, path::PathBuf};

use harness_host::{Host, Lock};
use harness_spec::{LockedPack, Version};
use serde::Serialize;

use super::{
    super::{App, folder_trust::Asking, hosts},
    foreign::foreign,
    review::shown,
};
use crate::{Control, Failure};

/// A lock that was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Locked {
    /// Its file.
    pub lock: PathBuf,
    /// Packs that are, or were, in it.
    pub packs: Vec<LockedLine>,
    /// What tools show that comes from elsewhere.
    pub tools: Vec<LockedShow>,
    /// Packs in it.
    #[serde(skip)]
    pub locked_packs: usize,
    /// Configurations of tools in it.
    #[serde(skip)]
    pub locked_tools: usize,
    /// Files that were found and not admitted, and why.
    #[serde(skip)]
    pub refused: Vec<String>,
}

/// A pack, and what became of its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockedLine {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Of its file.
    pub sha256: String,
    /// `added`, `changed`, `unchanged` or `removed`.
    pub change: &'static str,
}

/// What the tools of a configuration show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockedShow {
    /// The tool's id in its harness.
    pub id: String,
    /// Its module.
    pub module: String,
    /// `added`, `changed` or `unchanged`.
    pub change: &'static str,
    /// A digest of it.
    pub shown: String,
    /// The texts by place, where they are new: read them, since a model will.
    pub texts: BTreeMap<String, String>,
}

/// Writes `harness.lock` for all that is installed as it is, and for what the tools of these harness files show: servers are started,
/// and asked.
///
/// # Errors
///
/// A harness file cannot be read, a tool does not come up, the lock cannot be written, or it was cancelled.
pub fn lock(app: &App, files: &[PathBuf], control: &Control) -> Result<Locked, Failure> {
    let host = app.host_without_lock()?;
    let former = app.lock()?.unwrap_or_default();
    let mut asking = Asking::new(app, &host);
    asking.installed();
    for file in files {
        asking.pool(Some(file), &hosts::pool_file(file)?);
    }
    asking.allowed()?;
    let mut lock = Lock { tools: former.tools.clone(), ..Lock::default() };
    let mut lines = Vec::new();
    for pack in host.catalogue().packs() {
        control.check()?;
        let (name, version) = (&pack.pack.name, pack.pack.version);
        let Some(file) = host.file(name, version) else { continue };
        let change = match former.get(name, version) {
            Some(locked) if locked.sha256 == file.sha256 => "unchanged",
            Some(_) => "changed",
            None => "added",
        };
        lines.push(LockedLine { name: name.clone(), version, sha256: file.sha256.clone(), change });
        lock.insert(LockedPack {
            name: name.clone(),
            version,
            sha256: file.sha256.clone(),
            publisher: host.trust(name, version).and_then(|trust| trust.signer.key().cloned()),
            permissions: pack.permissions(),
            shown: shown(&host, name, version)?,
        });
    }
    for gone in former.packs.iter().filter(|pack| lock.get(&pack.name, pack.version).is_none()) {
        let (name, sha256) = (gone.name.clone(), gone.sha256.clone());
        lines.push(LockedLine { name, version: gone.version, sha256, change: "removed" });
    }
    let tools = tools(&host, files, &former, &mut lock, control)?;
    let path = app.workspace().lock();
    let lock = app.change_lock(|present| {
        // What another process approved meanwhile stays approved.
        for pack in present.unwrap_or_default().packs {
            if former.get(&pack.name, pack.version).is_none() && lock.get(&pack.name, pack.version).is_none() {
                lock.insert(pack);
            }
        }
        Ok((lock.clone(), lock))
    })?;
    Ok(Locked {
        lock: path,
        packs: lines,
        tools,
        locked_packs: lock.packs.len(),
        locked_tools: lock.tools.len(),
        refused: host.refused().iter().map(ToString::to_string).collect(),
    })
}

/// Puts what the harnesses' tools show into the lock; gives what is said of it.
fn tools(
    host: &Host,
    files: &[PathBuf],
    former: &Lock,
    lock: &mut Lock,
    control: &Control,
) -> Result<Vec<LockedShow>, Failure> {
    let mut said = Vec::new();
    for file in files {
        control.check()?;
        for (id, tool, shown) in foreign(&hosts::pool_file(file)?, host)? {
            let change = match former.tool(&tool.module, &tool.config) {
                Some(known) if *known == tool => "unchanged",
                Some(_) => "changed",
                None => "added",
            };
            let texts = if change == "unchanged" { BTreeMap::new() } else { shown.0 };
            said.push(LockedShow { id, module: tool.module.clone(), change, shown: tool.shown.clone(), texts });
            lock.insert_tool(tool);
        }
    }
    Ok(said)
}
