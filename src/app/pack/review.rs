//! A pack that asks to be let in, next to what is installed of the same name: who signed it, what it may do, what it shows to
//! models, and which of that is new. Approves nothing: a person does.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use harness_host::{Host, Inspected, Shown, Signer, Trust};
use harness_spec::{Isolation, LockedPack, Permission, PublicKey, Version};
use serde::{Serialize, Serializer};

use super::{super::App, list::ModuleLine};
use crate::Failure;

/// What one module shows to a model, by place.
type Texts = BTreeMap<String, Shown>;

/// What a person who is to approve a pack must know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Review {
    /// The pack's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The version that is installed; `None`: none is.
    pub former: Option<Version>,
    /// Of its file.
    pub sha256: String,
    /// Who signed it, in a word or two.
    pub signer: &'static str,
    /// The key it is signed with, as far as anybody knows it.
    pub key: Option<PublicKey>,
    /// What the policy calls the owner of that key.
    pub publisher: Option<String>,
    /// Where it would run.
    pub isolation: Isolation,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// Of that, what the installed version may not.
    pub new_permissions: Vec<Permission>,
    /// What it shows to models, and for an update only what differs.
    pub shown_changes: Vec<ShownChange>,
    /// What it says of itself.
    #[serde(skip)]
    pub description: String,
    /// Its file.
    #[serde(skip)]
    pub path: PathBuf,
    /// Its modules.
    #[serde(skip)]
    pub modules: Vec<ModuleLine>,
    /// What the installed version may do and this one may not.
    #[serde(skip)]
    pub dropped_permissions: Vec<Permission>,
    /// The key of the installed version, where it is another one; the inner `None`: it was unsigned.
    #[serde(skip)]
    pub former_key: Option<Option<PublicKey>>,
    /// Whether there is something that a person has not approved with what is installed.
    #[serde(skip)]
    pub asks: bool,
    /// The lock's entry for it.
    #[serde(skip)]
    pub(super) entry: LockedPack,
}

/// A text that a model would be shown otherwise than before. As JSON, one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownChange {
    /// The module.
    pub module: String,
    /// Where it shows the text.
    pub place: String,
    /// What stood there; `None`: nothing.
    pub before: Option<String>,
    /// What stands there now; `None`: nothing.
    pub after: Option<String>,
    /// Whether the pack takes the place of another.
    pub update: bool,
}

impl ShownChange {
    /// As lines for a person, each cut where a person stops reading.
    pub fn lines(&self) -> Vec<String> {
        let line = |sign: &str, text: &str| format!("{sign}{} {}: {}", self.module, self.place, quoted(text));
        let before = self.before.iter().map(|text| line("- ", text));
        let after = self.after.iter().map(|text| line(if self.update { "+ " } else { "" }, text));
        before.chain(after).collect()
    }
}

impl Serialize for ShownChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.lines().join("\n"))
    }
}

/// A text on one line, cut where a person stops reading.
fn quoted(text: &str) -> String {
    const MOST: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(MOST).collect();
    if cut.len() < line.len() { format!("“{cut}…”") } else { format!("“{line}”") }
}

/// The file of a pack and what is known of it.
pub(super) struct Candidate {
    file: Inspected,
    pub(super) trust: Trust,
    shown: Texts,
}

/// What is installed of the same name, the highest version.
pub(super) struct Present {
    pub(super) version: Version,
    pub(super) publisher: Option<PublicKey>,
    permissions: Vec<Permission>,
    shown: Texts,
    /// Where only the lock remembers it: hashes of what its modules showed.
    hashes: BTreeMap<String, String>,
}

impl Candidate {
    /// Reads the file, checks its signature against these keys and those the policy knows, and asks its tools what they show.
    pub(super) fn read(app: &App, path: &Path, keys: &[PublicKey]) -> Result<Self, Failure> {
        let host = app.host_of_file(path)?;
        let Some(pack) = host.catalogue().packs().next() else {
            return Err(Failure::input(format!("{} holds no pack", path.display())));
        };
        let (name, version) = (&pack.pack.name, pack.pack.version);
        let (Some(file), Some(trust)) = (host.file(name, version), host.trust(name, version)) else {
            return Err(Failure::input(format!("{} holds no pack", path.display())));
        };
        let mut trust = trust.clone();
        if trust.signer == Signer::Stranger {
            let bytes = std::fs::read(path)?;
            let refused = |refusal| harness_host::HostError::Refused { path: path.to_owned(), refusal };
            trust.signer = harness_host::signer(path, &bytes, keys).map_err(refused)?;
        }
        Ok(Self { file: file.clone(), trust, shown: host.shown(name, version)? })
    }

    pub(super) fn name(&self) -> &str {
        &self.file.manifest.pack.name
    }

    pub(super) fn version(&self) -> Version {
        self.file.manifest.pack.version
    }

    /// What a person must know, next to what is present.
    pub(super) fn review(&self, present: Option<&Present>) -> Review {
        let now = self.file.manifest.permissions();
        let before = present.map(|present| present.permissions.as_slice()).unwrap_or_default();
        let new_permissions: Vec<_> = now.iter().filter(|one| !before.contains(one)).copied().collect();
        let dropped_permissions = before.iter().filter(|one| !now.contains(one)).copied().collect();
        let key = self.trust.signer.key().cloned();
        let other_key = present.is_some_and(|present| present.publisher != key);
        let other_texts = present.is_none_or(|present| hashes(&self.shown) != present.hashes);
        Review {
            name: self.name().to_owned(),
            version: self.version(),
            former: present.map(|present| present.version),
            sha256: self.file.sha256.clone(),
            signer: signer(&self.trust.signer),
            publisher: self.trust.publisher.clone(),
            isolation: self.trust.isolation,
            shown_changes: self.changes(present),
            description: self.file.manifest.pack.description.clone(),
            path: self.file.path.clone(),
            modules: self.file.manifest.modules.iter().map(ModuleLine::of).collect(),
            dropped_permissions,
            former_key: present.filter(|_| other_key).map(|present| present.publisher.clone()),
            asks: present.is_none() || !new_permissions.is_empty() || other_key || other_texts,
            entry: LockedPack {
                name: self.name().to_owned(),
                version: self.version(),
                sha256: self.file.sha256.clone(),
                publisher: key.clone(),
                permissions: now.clone(),
                shown: hashes(&self.shown),
            },
            key,
            permissions: now,
            new_permissions,
        }
    }

    fn changes(&self, present: Option<&Present>) -> Vec<ShownChange> {
        let mut changes = Vec::new();
        for (module, shown) in &self.shown {
            let digest = shown.digest();
            if present.is_some_and(|present| present.hashes.get(module) == Some(&digest)) {
                continue;
            }
            let mut change = |place: &str, before: Option<&String>, after: Option<&String>| {
                changes.push(ShownChange {
                    module: module.clone(),
                    place: place.to_owned(),
                    before: before.cloned(),
                    after: after.cloned(),
                    update: present.is_some(),
                });
            };
            let before = present.and_then(|present| present.shown.get(module)).map(|shown| &shown.0);
            for (place, text) in &shown.0 {
                let former = before.and_then(|texts| texts.get(place));
                if former != Some(text) {
                    change(place, former, Some(text));
                }
            }
            for (place, text) in before.into_iter().flatten().filter(|(place, _)| !shown.0.contains_key(*place)) {
                change(place, Some(text), None);
            }
        }
        changes
    }
}

impl Present {
    /// What the lock, or else the search path, has of this name.
    pub(super) fn of(app: &App, name: &str) -> Result<Option<Self>, Failure> {
        let host = app.host_of_workspace()?;
        let locked = app.lock()?.and_then(|lock| lock.packs.into_iter().rfind(|pack| pack.name == name));
        let installed = host.catalogue().packs().filter(|pack| pack.pack.name == name).last();
        if let Some(pack) = installed {
            let version = pack.pack.version;
            if host.file(name, version).is_none() {
                return Err(Failure::input(format!("`{name}` is built in")).hint("choose another name in pack.toml"));
            }
            let shown = host.shown(name, version)?;
            let locked = locked.filter(|locked| locked.version == version);
            return Ok(Some(Self {
                version,
                publisher: host.trust(name, version).and_then(|trust| trust.signer.key().cloned()),
                permissions: locked.as_ref().map_or_else(|| pack.permissions(), |locked| locked.permissions.clone()),
                hashes: locked.map_or_else(|| hashes(&shown), |locked| locked.shown),
                shown,
            }));
        }
        Ok(locked.map(|locked| Self {
            version: locked.version,
            publisher: locked.publisher,
            permissions: locked.permissions,
            shown: Texts::new(),
            hashes: locked.shown,
        }))
    }
}

/// What the lock keeps of what an installed pack shows.
pub(in crate::app) fn shown(host: &Host, name: &str, version: Version) -> Result<BTreeMap<String, String>, Failure> {
    Ok(hashes(&host.shown(name, version)?))
}

fn hashes(texts: &Texts) -> BTreeMap<String, String> {
    texts.iter().map(|(module, shown)| (module.clone(), shown.digest())).collect()
}

/// Who signed it, in a word or two.
pub(super) fn signer(signer: &Signer) -> &'static str {
    match signer {
        Signer::Nobody => "unsigned",
        Signer::Stranger => "signed by a stranger",
        Signer::Key(_) => "signed",
    }
}
