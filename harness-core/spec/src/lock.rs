//! `harness.lock`: which file each pack of a harness is, byte for byte. Refuses digests and keys that are not hexadecimal; reading
//! the file and hashing packs is the host's work.

use serde::{Deserialize, Serialize};

use crate::reference::Version;
use crate::table::{ParseError, Problem, Table, document};
use crate::vocabulary::Permission;

/// The packs a harness was locked with, sorted by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lock {
    /// One entry for each pack and version.
    #[serde(rename = "pack", default)]
    pub packs: Vec<LockedPack>,
}

/// One pinned pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPack {
    /// The pack's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The publisher's public key in hexadecimal, where the pack is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// What was approved when it was locked; a pack that asks for more must be approved anew.
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

impl Lock {
    /// The entry of a pack.
    pub fn get(&self, name: &str, version: Version) -> Option<&LockedPack> {
        self.packs.iter().find(|pack| pack.name == name && pack.version == version)
    }

    /// Adds an entry, in its sorted place; the former one of the same pack and version goes.
    pub fn insert(&mut self, pack: LockedPack) {
        self.packs.retain(|other| (&other.name, other.version) != (&pack.name, pack.version));
        let at = self.packs.partition_point(|other| (&other.name, other.version) < (&pack.name, pack.version));
        self.packs.insert(at, pack);
    }

    /// Reads the text of a `harness.lock`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        document(text, |root| {
            root.only(&["pack"])?;
            let mut lock = Self::default();
            for table in root.tables("pack")? {
                let pack = read(&table)?;
                if lock.get(&pack.name, pack.version).is_some() {
                    let problem = format!("pack `{}` {} is locked twice; remove one", pack.name, pack.version);
                    return Err(table.error(Problem::Other(problem)));
                }
                lock.insert(pack);
            }
            Ok(lock)
        })
    }

    /// The text of a `harness.lock`.
    pub fn to_toml(&self) -> String {
        // Strings, arrays of strings and nothing else: this cannot fail.
        toml::to_string(self).unwrap_or_default()
    }
}

fn read(table: &Table<'_>) -> Result<LockedPack, ParseError> {
    table.only(&["name", "version", "sha256", "publisher", "permissions"])?;
    let name = table.name("name")?.ok_or_else(|| table.missing("name", "\"…\""))?.to_owned();
    let sha256 = table.require("sha256", "\"<64 hexadecimal digits>\"")?.to_owned();
    if sha256.len() != 64 || !is_hex(&sha256) {
        let problem = format!("`{sha256}` is not a SHA-256; it has 64 lower-case hexadecimal digits");
        return Err(table.error_at("sha256", Problem::Other(problem)));
    }
    let publisher = table.string("publisher")?.map(str::to_owned);
    if let Some(key) = publisher.as_ref().filter(|key| !is_hex(key)) {
        let problem = format!("`{key}` is not a key; write it in lower-case hexadecimal digits");
        return Err(table.error_at("publisher", Problem::Other(problem)));
    }
    let permissions = table.words("permissions")?;
    Ok(LockedPack { name, version: table.parsed("version", "\"1.0.0\"")?, sha256, publisher, permissions })
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
