//! A machine's policy: whose packs may run inside this process. Refuses to live in a workspace: whoever ships a workspace
//! must not be able to trust itself, so the command line reads it from the user's own configuration only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::key::PublicKey;
use crate::table::{ParseError, Problem, document};
use crate::vocabulary::Isolation;

/// What a machine's owner decided about packs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// Where packs run that no trusted publisher signed. Default: in a child process.
    #[serde(default, skip_serializing_if = "Isolation::is_process")]
    pub isolation: Isolation,
    /// Whether packs that no trusted publisher signed are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_signed: bool,
    /// Whether packs in a child process run even where the kernel cannot confine them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfined: bool,
    /// To which hosts keys may be sent, by the variable that holds the key, beside the hosts that are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Vec<String>>,
    /// Who is trusted.
    #[serde(rename = "publisher", default, skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<Publisher>,
    /// Exceptions, by name of pack; they go before everything else.
    #[serde(rename = "pack", default, skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<PackPolicy>,
}

/// A publisher that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    /// How its owner calls it.
    pub name: String,
    /// What its packs are signed with.
    pub key: PublicKey,
    /// Where its packs run. Default: in this process.
    #[serde(default = "in_process")]
    pub isolation: Isolation,
}

/// An exception for one pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackPolicy {
    /// The pack's name.
    pub name: String,
    /// Where it runs, whoever signed it.
    pub isolation: Isolation,
}

const fn in_process() -> Isolation {
    Isolation::InProcess
}

impl Policy {
    /// The publisher with this key, if it is trusted.
    pub fn publisher(&self, key: &PublicKey) -> Option<&Publisher> {
        self.publishers.iter().find(|publisher| publisher.key == *key)
    }

    /// What was decided for this one pack, if anything.
    pub fn exception(&self, pack: &str) -> Option<Isolation> {
        self.packs.iter().find(|entry| entry.name == pack).map(|entry| entry.isolation)
    }

    /// Where a pack runs: as its exception says, else as its publisher's entry, else as all others.
    pub fn isolation(&self, pack: &str, publisher: Option<&Publisher>) -> Isolation {
        self.exception(pack).or(publisher.map(|publisher| publisher.isolation)).unwrap_or(self.isolation)
    }

    /// Reads the text of a policy file.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        document(text, |root| {
            root.only(&["isolation", "only_signed", "unconfined", "keys", "publisher", "pack"])?;
            let mut policy = Self {
                isolation: root.word("isolation")?.unwrap_or_default(),
                only_signed: root.boolean("only_signed")?.unwrap_or_default(),
                unconfined: root.boolean("unconfined")?.unwrap_or_default(),
                ..Self::default()
            };
            if let Some(table) = root.table("keys")? {
                for variable in table.keys() {
                    let hosts = table.strings(variable)?.into_iter().map(|(host, _)| host.to_owned()).collect();
                    policy.keys.insert(variable.to_owned(), hosts);
                }
            }
            for table in root.tables("publisher")? {
                table.only(&["name", "key", "isolation"])?;
                let name = table.require("name", "\"Somebody\"")?.to_owned();
                let key: PublicKey = table.parsed("key", "\"RW…\"")?;
                if let Some(other) = policy.publisher(&key) {
                    let problem = format!("`{}` and `{name}` have one key; remove one", other.name);
                    return Err(table.error_at("key", Problem::Other(problem)));
                }
                let isolation = table.word("isolation")?.unwrap_or(Isolation::InProcess);
                policy.publishers.push(Publisher { name, key, isolation });
            }
            for table in root.tables("pack")? {
                table.only(&["name", "isolation"])?;
                let name = table.name("name")?.ok_or_else(|| table.missing("name", "\"…\""))?.to_owned();
                let isolation = table.word("isolation")?.ok_or_else(|| table.missing("isolation", "\"process\""))?;
                if policy.exception(&name).is_some() {
                    let problem = format!("`{name}` is decided on twice; remove one");
                    return Err(table.error_at("name", Problem::Other(problem)));
                }
                policy.packs.push(PackPolicy { name, isolation });
            }
            Ok(policy)
        })
    }

    /// The text of a policy file.
    pub fn to_toml(&self) -> String {
        // Strings, booleans and tables of them: this cannot fail.
        toml::to_string(self).unwrap_or_default()
    }
}
