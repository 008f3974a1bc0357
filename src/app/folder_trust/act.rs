//! What a folder can make this program do: a closed list. An act is known by its content, so that one that changed is another, and a
//! path that is written in another way is none.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use harness_spec::{Permission, Version, Vocabulary};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Something that a folder can make this program do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Runs the code of a pack.
    Pack {
        /// The pack.
        name: String,
        /// Its version.
        version: Version,
        /// Of its file.
        sha256: String,
        /// What its modules may do.
        permissions: Vec<Permission>,
    },
    /// Starts a program, with the rights of the user.
    Start {
        /// The program and its arguments.
        command: Vec<String>,
        /// The folder it is started in; empty: the present one.
        folder: String,
        /// The variables of the user that it is given.
        variables: Vec<String>,
        /// SHA-256 of the files that the command names, by place in the command.
        files: BTreeMap<usize, String>,
    },
    /// Runs scripts of tasks in a box: those that check, and those that show a solution.
    Scripts {
        /// Where they are, for a person.
        place: PathBuf,
        /// Of all their files.
        sha256: String,
        /// The variables of the user that they are given.
        variables: Vec<String>,
    },
    /// Sends a key of the user to a host.
    Key {
        /// The variable that holds it.
        variable: String,
        /// The host.
        host: String,
    },
    /// Sends tasks, conversations and what they read to a host.
    Send {
        /// The host.
        host: String,
    },
    /// Gives the value of a variable to commands of a model, which the model may read.
    Reveal {
        /// The variable.
        variable: String,
    },
    /// Reads a file or a folder that lies outside.
    Read {
        /// Where, without links.
        path: PathBuf,
    },
    /// Runs commands that nothing confines.
    Unconfined {
        /// The module that runs them.
        module: String,
    },
    /// Lets commands use the network.
    Network {
        /// The module that runs them.
        module: String,
    },
    /// Configures a module that may do more than compute, in a way this program cannot read.
    Configure {
        /// The module.
        module: String,
        /// What it may do.
        permissions: Vec<Permission>,
        /// The field.
        field: String,
        /// Its value.
        value: Value,
    },
}

/// Variables that tell nothing of the user's: every program is given them.
const PLAIN: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];
/// Characters of a value that a person reads.
const MOST: usize = 200;

impl Act {
    /// What it is known by: a digest of all that matters, SHA-256 in hexadecimal digits.
    pub fn digest(&self) -> String {
        let known_by = match self {
            // Another place of the same scripts is the same act.
            Self::Scripts { sha256, variables, .. } => json!(["scripts", sha256, variables]),
            other => json!(["act", other]),
        };
        sha256(known_by.to_string().as_bytes())
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text of others on one line, in quotes where it is not a plain word, cut where a person stops reading.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !text.is_empty() && text.len() <= MOST && text.chars().all(plain) {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MOST).collect();
    let rest = text.chars().count().saturating_sub(MOST);
    if rest == 0 { format!("{cut:?}") } else { format!("{cut:?} … and {rest} characters more") }
}

fn variables(names: &[String]) -> String {
    let names: Vec<String> =
        names.iter().filter(|name| !PLAIN.contains(&name.as_str())).map(|name| format!("${}", quoted(name))).collect();
    if names.is_empty() { String::new() } else { format!(", with {}", names.join(", ")) }
}

fn permissions(all: &[Permission]) -> String {
    match all {
        [] => "no permissions".to_owned(),
        all => all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "),
    }
}

fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack { name, version, sha256, permissions: may } => {
                write!(f, "runs the pack {} {version} ({}; sha256 {})", quoted(name), permissions(may), short(sha256))
            }
            Self::Start { command, folder, variables: names, files } => {
                let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
                write!(f, "starts, with all your rights: {}", words.join(" "))?;
                if !folder.is_empty() {
                    write!(f, " in {}", quoted(folder))?;
                }
                for (at, sha256) in files {
                    let name = command.get(*at).map(|name| quoted(name)).unwrap_or_default();
                    write!(f, ", {name} being sha256 {}", short(sha256))?;
                }
                f.write_str(&variables(names))
            }
            Self::Scripts { place, sha256, variables: names } => {
                let place = quoted(&place.display().to_string());
                write!(f, "runs the scripts of {place} in a box (sha256 {}){}", short(sha256), variables(names))
            }
            Self::Key { variable, host } => write!(f, "sends the key in ${} to {}", quoted(variable), quoted(host)),
            Self::Send { host } => write!(f, "sends tasks and conversations to {}", quoted(host)),
            Self::Reveal { variable } => write!(f, "shows ${} to commands of the model", quoted(variable)),
            Self::Read { path } => write!(f, "reads {}", quoted(&path.display().to_string())),
            Self::Unconfined { module } => write!(f, "runs commands in {} that nothing confines", quoted(module)),
            Self::Network { module } => write!(f, "lets commands in {} use the network", quoted(module)),
            Self::Configure { module, permissions: may, field, value } => {
                let value = quoted(&value.to_string());
                write!(f, "sets {} of {} ({}) to {value}", quoted(field), quoted(module), permissions(may))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_that_changed_is_another_and_says_itself_on_one_line() {
        let start = |command: &[&str], sha: &str| Act::Start {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            folder: String::new(),
            variables: vec!["PATH".into(), "TOKEN".into()],
            files: [(0, sha.to_owned())].into(),
        };
        let acts = [
            start(&["./a", "b"], "00"),
            start(&["./a", "b"], "01"),
            start(&["./a b"], "00"),
            Act::Key { variable: "K".into(), host: "a".into() },
            Act::Key { variable: "K".into(), host: "b".into() },
            Act::Send { host: "a".into() },
            Act::Unconfined { module: "m".into() },
            Act::Network { module: "m".into() },
            Act::Reveal { variable: "K\n  reads /etc/passwd".into() },
        ];
        let digests: std::collections::BTreeSet<String> = acts.iter().map(Act::digest).collect();
        assert_eq!(digests.len(), acts.len());
        assert!(acts.iter().all(|act| act.to_string().lines().count() == 1));
        assert_eq!(acts[0].to_string(), "starts, with all your rights: ./a b, ./a being sha256 00, with $TOKEN");
        assert_eq!(acts[8].to_string(), "shows $\"K\\n  reads /etc/passwd\" to commands of the model");
        let scripts = |place: &str| Act::Scripts { place: place.into(), sha256: "00".into(), variables: Vec::new() };
        assert_eq!(scripts("a").digest(), scripts("/b/a").digest());
    }
}
