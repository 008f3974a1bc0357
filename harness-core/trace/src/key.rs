//! Names of model calls: chained, so that a step pays for what it adds and not for the whole history.

use blake3::Hasher;
use harness_abi::{Message, Part};
use serde::{Deserialize, Serialize};

/// Names a model call or a prefix of one.
///
/// `key(history ++ [m]) = H(key(history), digest(m))`; a call's key is `H(key(history), head)` where the head holds the
/// model's digest, tools, constraint, sampling and sample index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CallKey(pub [u8; 32]);

/// Sets a longer history apart from a request, whatever their texts.
const PUSH: u8 = 1;
const HEAD: u8 = 2;

impl CallKey {
    /// The key of a history with one message more.
    #[must_use]
    pub fn push(&self, message: &Message) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&self.0);
        let marks = u8::from(message.cache()) | u8::from(message.opaque().is_some()) << 1;
        hasher.update(&[PUSH, message.role() as u8, marks]);
        field(&mut hasher, message.id());
        field(&mut hasher, message.opaque().unwrap_or_default());
        for part in message.known_parts() {
            match part {
                Part::Text { text } => fields(&mut hasher, 0, &[text]),
                Part::Reasoning { text } => fields(&mut hasher, 1, &[text]),
                Part::ToolCall { id, name, arguments } => fields(&mut hasher, 2, &[id, name, arguments]),
                Part::ToolResult { id, text, is_error } => {
                    fields(&mut hasher, 3 + u8::from(*is_error), &[id, text]);
                }
                Part::Blob { hash, media_type } => fields(&mut hasher, 5, &[hash, media_type]),
                _ => fields(&mut hasher, u8::MAX, &[]),
            }
        }
        Self(hasher.finalize().into())
    }

    /// The key of a request made of this prefix and `head`: everything else the reply depends on.
    #[must_use]
    pub fn head(&self, head: &[&str]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&self.0);
        hasher.update(&[HEAD]);
        for text in head {
            field(&mut hasher, text);
        }
        Self(hasher.finalize().into())
    }

    /// Hexadecimal form.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// Length first, so that no two lists of fields hash the same bytes.
fn field(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn fields(hasher: &mut Hasher, kind: u8, texts: &[&str]) {
    hasher.update(&[kind]);
    for text in texts {
        field(hasher, text);
    }
}

impl std::fmt::Debug for CallKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex()[..16])
    }
}

impl Serialize for CallKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for CallKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(text).map_err(serde::de::Error::custom)?;
        Ok(Self(*hash.as_bytes()))
    }
}
