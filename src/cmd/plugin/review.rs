//! A pack that asks to be let in, next to what is installed of the same name: who signed it, what it may do, what it shows to
//! models, and which of that is new. A person approves or refuses it.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use harness_host::{Host, Inspected, Shown, Signer, Trust};
use harness_spec::{LockedPack, Module, Permission, PublicKey, Version, Vocabulary};
use harness_terminal::line;
use serde_json::{Value, json};

use crate::{failure::Failure, output, wire};

/// What one module shows to a model, by place.
type Texts = BTreeMap<String, Shown>;

/// The file and what is known of it.
pub struct PackReview {
    pub file: Inspected,
    pub trust: Trust,
    shown: Texts,
}

/// What is installed of the same name, the highest version.
pub struct Present {
    pub version: Version,
    pub publisher: Option<PublicKey>,
    permissions: Vec<Permission>,
    shown: Texts,
    /// Where only the lock remembers it: hashes of what its modules showed.
    hashes: BTreeMap<String, String>,
}

impl PackReview {
    /// Reads the file, checks its signature against these keys and those the policy knows, and asks its tools what they show.
    pub fn read(path: &Path, keys: &[PublicKey]) -> Result<Self, Failure> {
        let host = wire::host_of_file(path)?;
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

    pub fn name(&self) -> &str {
        &self.file.manifest.pack.name
    }

    pub fn version(&self) -> Version {
        self.file.manifest.pack.version
    }

    /// The lock's entry for it.
    pub fn entry(&self) -> LockedPack {
        LockedPack {
            name: self.name().to_owned(),
            version: self.version(),
            sha256: self.file.sha256.clone(),
            publisher: self.trust.signer.key().cloned(),
            permissions: self.file.manifest.permissions(),
            shown: hashes(&self.shown),
        }
    }

    /// Whether there is something a person has not approved with what is present.
    pub fn asks(&self, present: &Present) -> bool {
        let asked = self.file.manifest.permissions();
        let more = asked.iter().any(|permission| !present.permissions.contains(permission));
        more || self.trust.signer.key() != present.publisher.as_ref() || hashes(&self.shown) != present.hashes
    }

    /// For a person who is to approve it.
    pub fn text(&self, present: Option<&Present>) -> String {
        let manifest = &self.file.manifest.pack;
        let from = present.map(|present| format!("{} → ", present.version)).unwrap_or_default();
        let mut text =
            format!("{} {from}{} — {}\n", manifest.name, manifest.version, output::flat(&manifest.description));
        let mut row = |key: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {key:<12} {}", line(value));
        };
        row("file", &format!("{}, sha256 {}", self.file.path.display(), self.file.sha256));
        row("publisher", &self.publisher(present));
        row("runs", &runs(&self.trust));
        row("permissions", &self.permissions(present));
        let modules: Vec<String> = self.file.manifest.modules.iter().map(module).collect();
        row("modules", &modules.join(", "));
        let changes = self.changes(present);
        if !changes.is_empty() {
            row("shows models", if present.is_some() { "otherwise than before" } else { "" });
            for changed in changes {
                let _ = writeln!(text, "    {}", line(changed));
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// For a machine.
    pub fn json(&self, present: Option<&Present>) -> Value {
        json!({
            "name": self.name(), "version": self.version(), "former": present.map(|present| present.version),
            "sha256": self.file.sha256, "signer": signer(&self.trust.signer), "key": self.trust.signer.key(),
            "publisher": self.trust.publisher, "isolation": self.trust.isolation,
            "permissions": self.file.manifest.permissions(),
            "new_permissions": self.more(present), "shown_changes": self.changes(present),
        })
    }

    fn publisher(&self, present: Option<&Present>) -> String {
        let now = match (&self.trust.signer, &self.trust.publisher) {
            (Signer::Key(key), Some(name)) => format!("{name}, signed with {key}"),
            (Signer::Key(key), None) => format!("signed with {key}"),
            (other, _) => signer(other).to_owned(),
        };
        match present {
            Some(present) if present.publisher.as_ref() != self.trust.signer.key() => {
                let before = present.publisher.as_ref().map_or("unsigned".to_owned(), ToString::to_string);
                format!("{now} (CHANGED, it was {before})")
            }
            _ => now,
        }
    }

    fn more(&self, present: Option<&Present>) -> Vec<Permission> {
        let before = present.map(|present| present.permissions.as_slice()).unwrap_or_default();
        self.file.manifest.permissions().into_iter().filter(|one| !before.contains(one)).collect()
    }

    fn permissions(&self, present: Option<&Present>) -> String {
        let now = self.file.manifest.permissions();
        let more = self.more(present);
        let mark = |one: &Permission| if present.is_some() && more.contains(one) { " (NEW)" } else { "" };
        let mut parts: Vec<String> = now.iter().map(|one| format!("{}{}", one.name(), mark(one))).collect();
        let before = present.map(|present| present.permissions.as_slice()).unwrap_or_default();
        parts.extend(before.iter().filter(|one| !now.contains(one)).map(|one| format!("{} (no longer)", one.name())));
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }

    /// What models are shown, and for an update only what differs.
    fn changes(&self, present: Option<&Present>) -> Vec<String> {
        let mut lines = Vec::new();
        for (module, shown) in &self.shown {
            let digest = shown.digest();
            if present.is_some_and(|present| present.hashes.get(module) == Some(&digest)) {
                continue;
            }
            let before = present.and_then(|present| present.shown.get(module)).map(|shown| &shown.0);
            for (place, text) in &shown.0 {
                let former = before.and_then(|texts| texts.get(place));
                if former == Some(text) {
                    continue;
                }
                lines.extend(former.map(|former| format!("- {module} {place}: {}", quoted(former))));
                let sign = if present.is_some() { "+ " } else { "" };
                lines.push(format!("{sign}{module} {place}: {}", quoted(text)));
            }
            let gone = before.into_iter().flatten().filter(|(place, _)| !shown.0.contains_key(*place));
            lines.extend(gone.map(|(place, text)| format!("- {module} {place}: {}", quoted(text))));
        }
        lines
    }
}

impl Present {
    /// What the lock, or else the search path, has of this name.
    pub fn of(name: &str) -> Result<Option<Self>, Failure> {
        let host = wire::host(&[])?;
        let locked = wire::lock()?.and_then(|lock| lock.packs.into_iter().rfind(|pack| pack.name == name));
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
pub fn shown(host: &Host, name: &str, version: Version) -> Result<BTreeMap<String, String>, Failure> {
    Ok(hashes(&host.shown(name, version)?))
}

fn hashes(texts: &Texts) -> BTreeMap<String, String> {
    texts.iter().map(|(module, shown)| (module.clone(), shown.digest())).collect()
}

/// Who signed it, in a word or two.
pub fn signer(signer: &Signer) -> &'static str {
    match signer {
        Signer::Nobody => "unsigned",
        Signer::Stranger => "signed by a stranger",
        Signer::Key(_) => "signed",
    }
}

/// Where it runs, and why.
pub fn runs(trust: &Trust) -> String {
    let place = if trust.isolation.is_process() { "in a child process" } else { "inside this process" };
    match &trust.publisher {
        Some(name) => format!("{place}, as policy.toml says of {name}"),
        None => format!("{place}: no publisher that policy.toml trusts signed it"),
    }
}

fn module(module: &Module) -> String {
    format!("{} ({})", module.name, super::list::kind(module))
}

/// A text on one line, cut where a person stops reading.
fn quoted(text: &str) -> String {
    const MOST: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(MOST).collect();
    if cut.len() < line.len() { format!("“{cut}…”") } else { format!("“{line}”") }
}
