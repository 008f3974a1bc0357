//! `harness.lock`: which file each pack of a harness is, byte for byte. Refuses digests and keys that are not hexadecimal; reading
//! the file and hashing packs is the host's work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::key::PublicKey;
use crate::reference::Version;
use crate::table::{ParseError, Problem, Table, document};
use crate::vocabulary::Permission;

/// The packs a harness was locked with, sorted by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lock {
    /// One entry for each pack and version.
    #[serde(rename = "pack", default)]
    pub packs: Vec<LockedPack>,
    /// One entry for each configuration of a tool whose words come from elsewhere.
    #[serde(rename = "tool", default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<LockedTool>,
}

/// What a `foreign` tool shows to a model, in one configuration: its pack's bytes do not say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockedTool {
    /// The module, without a version.
    pub module: String,
    /// SHA-256 of its configuration, complete with defaults.
    pub config: String,
    /// SHA-256 of names, descriptions and schemas of its tools.
    pub shown: String,
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
    /// The key it was signed with when it was locked; a file without its signature is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<PublicKey>,
    /// What was approved when it was locked; a pack that asks for more must be approved anew.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// By module, SHA-256 of the strings it shows to a model: prompts of its config, names and descriptions of its tools.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shown: BTreeMap<String, String>,
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

    /// Takes the entry of a pack out.
    pub fn remove(&mut self, name: &str, version: Version) -> Option<LockedPack> {
        let at = self.packs.iter().position(|pack| pack.name == name && pack.version == version)?;
        Some(self.packs.remove(at))
    }

    /// What a `foreign` tool may show in this configuration.
    pub fn tool(&self, module: &str, config: &str) -> Option<&LockedTool> {
        self.tools.iter().find(|tool| tool.module == module && tool.config == config)
    }

    /// Adds what a tool shows, in its sorted place; the former entry of the same configuration goes.
    pub fn insert_tool(&mut self, tool: LockedTool) {
        self.tools.retain(|other| (&other.module, &other.config) != (&tool.module, &tool.config));
        let at = self.tools.partition_point(|other| *other < tool);
        self.tools.insert(at, tool);
    }

    /// Reads the text of a `harness.lock`.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        document(text, |root| {
            root.only(&["pack", "tool"])?;
            let mut lock = Self::default();
            for table in root.tables("pack")? {
                let pack = read(&table)?;
                if lock.get(&pack.name, pack.version).is_some() {
                    let problem = format!("pack `{}` {} is locked twice; remove one", pack.name, pack.version);
                    return Err(table.error(Problem::Other(problem)));
                }
                lock.insert(pack);
            }
            for table in root.tables("tool")? {
                lock.insert_tool(read_tool(&table)?);
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
    table.only(&["name", "version", "sha256", "publisher", "permissions", "shown"])?;
    let name = table.name("name")?.ok_or_else(|| table.missing("name", "\"…\""))?.to_owned();
    let sha256 = digest(table, "sha256")?;
    let publisher = match table.string("publisher")? {
        Some(_) => Some(table.parsed("publisher", "\"RW…\"")?),
        None => None,
    };
    let permissions = table.words("permissions")?;
    let mut shown = BTreeMap::new();
    if let Some(modules) = table.table("shown")? {
        for module in modules.keys() {
            shown.insert(module.to_owned(), digest(&modules, module)?);
        }
    }
    Ok(LockedPack { name, version: table.parsed("version", "\"1.0.0\"")?, sha256, publisher, permissions, shown })
}

fn read_tool(table: &Table<'_>) -> Result<LockedTool, ParseError> {
    table.only(&["module", "config", "shown"])?;
    let module = table.require("module", "\"mcp/server\"")?.to_owned();
    Ok(LockedTool { module, config: digest(table, "config")?, shown: digest(table, "shown")? })
}

fn digest(table: &Table<'_>, key: &str) -> Result<String, ParseError> {
    let text = table.require(key, "\"<64 hexadecimal digits>\"")?;
    if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(text.to_owned());
    }
    let problem = format!("`{text}` is not a SHA-256; it has 64 lower-case hexadecimal digits");
    Err(table.error_at(key, Problem::Other(problem)))
}
