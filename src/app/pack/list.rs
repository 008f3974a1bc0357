//! What is installed, where it lies, and what was refused. Never loads a pack.

use std::path::PathBuf;

use harness_host::{Host, HostError};
use harness_spec::{Dimension, Isolation, Module, PackManifest, PublicKey, Version, Vocabulary};
use serde::{Serialize, Serializer};

use super::{super::App, review::signer};
use crate::Failure;

/// What is installed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// The packs.
    pub packs: Vec<ListedPack>,
    /// Files that were found and not admitted.
    pub refused: Vec<RefusedFile>,
    /// Folders that were searched, in order.
    pub searched: Vec<PathBuf>,
}

/// A pack that is installed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedPack {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Who it says it is from.
    pub publisher: Option<String>,
    /// What it says it is.
    pub description: String,
    /// Its file; `None`: it is linked into the program.
    pub path: Option<PathBuf>,
    /// Of its file.
    pub sha256: Option<String>,
    /// Bytes of its file.
    pub size: Option<u64>,
    /// Why it is in quarantine; an error where that cannot be known.
    #[serde(serialize_with = "reason")]
    pub quarantine: Result<Option<String>, String>,
    /// Its modules.
    pub modules: Vec<ModuleLine>,
    /// Who signed it, in a word or two.
    pub signer: Option<&'static str>,
    /// The key it is signed with.
    pub key: Option<PublicKey>,
    /// What the policy calls the owner of that key.
    pub trusted_as: Option<String>,
    /// Where its code runs.
    pub isolation: Option<Isolation>,
}

/// A module in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleLine {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: harness_abi::Kind,
    /// The slot of a processor.
    pub slot: Option<String>,
    /// Which behaviour it is about.
    pub dimension: Dimension,
    /// What it does.
    pub summary: String,
}

impl ModuleLine {
    /// The line of a module.
    pub fn of(module: &Module) -> Self {
        Self {
            name: module.name.clone(),
            kind: module.kind,
            slot: module.slot.clone(),
            dimension: module.dimension,
            summary: module.summary.clone(),
        }
    }

    /// Its kind, and the slot where there is one.
    pub fn kind_and_role(&self) -> String {
        let kind = Vocabulary::name(self.kind);
        self.slot.as_ref().map_or_else(|| kind.to_owned(), |slot| format!("{kind} ({slot})"))
    }
}

/// A file that was found and not admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedFile {
    /// The file.
    pub path: Option<PathBuf>,
    /// Why.
    pub reason: String,
    /// Both in one text.
    #[serde(skip)]
    pub text: String,
}

/// Lists them.
///
/// # Errors
///
/// The lock or the policy cannot be read.
pub fn list(app: &App) -> Result<Listed, Failure> {
    let host = app.host()?;
    Ok(Listed {
        packs: host.catalogue().packs().map(|pack| listed(&host, pack)).collect(),
        refused: host.refused().iter().map(refused).collect(),
        searched: app.folders(),
    })
}

fn listed(host: &Host, pack: &PackManifest) -> ListedPack {
    let (name, version) = (&pack.pack.name, pack.pack.version);
    let (file, trust) = (host.file(name, version), host.trust(name, version));
    ListedPack {
        name: name.clone(),
        version,
        publisher: pack.pack.publisher.clone(),
        description: pack.pack.description.clone(),
        path: file.map(|file| file.path.clone()),
        sha256: file.map(|file| file.sha256.clone()),
        size: file.map(|file| file.size),
        quarantine: host.quarantine(name, version).map_err(|error| error.to_string()),
        modules: pack.modules.iter().map(ModuleLine::of).collect(),
        signer: trust.map(|trust| signer(&trust.signer)),
        key: trust.and_then(|trust| trust.signer.key().cloned()),
        trusted_as: trust.and_then(|trust| trust.publisher.clone()),
        isolation: host.isolation(name, version),
    }
}

/// The reason, or why it cannot be known.
fn reason<S: Serializer>(quarantine: &Result<Option<String>, String>, serializer: S) -> Result<S::Ok, S::Error> {
    match quarantine {
        Ok(reason) => reason.serialize(serializer),
        Err(error) => serializer.serialize_some(error),
    }
}

fn refused(error: &HostError) -> RefusedFile {
    let text = error.to_string();
    match error {
        HostError::Refused { path, refusal } => {
            RefusedFile { path: Some(path.clone()), reason: refusal.to_string(), text }
        }
        _ => RefusedFile { path: None, reason: text.clone(), text },
    }
}
