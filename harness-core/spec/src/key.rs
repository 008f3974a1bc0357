//! A publisher's public key as files carry it: minisign's own form. Refuses what cannot be one; it verifies nothing, that is the
//! host's work.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A minisign public key: 42 bytes in base64, the first two of them `Ed`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(String);

/// Not a minisign public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a publisher's key; it is the second line of a minisign .pub file, 56 characters that begin with RW"
)]
pub struct PublicKeyError(pub String);

impl PublicKey {
    /// The key in base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    /// Takes the key alone or the text of a `.pub` file.
    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("untrusted comment:"));
        match lines.collect::<Vec<_>>()[..] {
            [key] if key.len() == 56 && key.starts_with("RW") && key.bytes().all(is_base64) => Ok(Self(key.to_owned())),
            _ => Err(PublicKeyError(text.chars().take(60).collect())),
        }
    }
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = PublicKeyError;
    fn try_from(text: String) -> Result<Self, PublicKeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.0
    }
}
