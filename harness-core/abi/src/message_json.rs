//! The JSON form of a message: what the record keeps and what crosses a process boundary.

use abi_stable::std_types::RString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Draft, Message, Part, Role};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PartJson {
    Text {
        text: String,
    },
    Reasoning {
        text: String,
    },
    ToolCall {
        id: String,
        name: String,
        arguments: String,
    },
    ToolResult {
        id: String,
        text: String,
        #[serde(default)]
        is_error: bool,
    },
    Blob {
        hash: String,
        media_type: String,
    },
}

#[derive(Serialize, Deserialize)]
struct MessageJson {
    role: Role,
    parts: Vec<PartJson>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cache: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opaque: Option<String>,
}

impl From<&Part> for PartJson {
    fn from(part: &Part) -> Self {
        let own = |text: &RString| text.as_str().to_owned();
        match part {
            Part::Text { text } => Self::Text { text: own(text) },
            Part::Reasoning { text } => Self::Reasoning { text: own(text) },
            Part::ToolCall { id, name, arguments } => {
                Self::ToolCall { id: own(id), name: own(name), arguments: own(arguments) }
            }
            Part::ToolResult { id, text, is_error } => {
                Self::ToolResult { id: own(id), text: own(text), is_error: *is_error }
            }
            Part::Blob { hash, media_type } => Self::Blob { hash: own(hash), media_type: own(media_type) },
        }
    }
}

impl From<PartJson> for Part {
    fn from(part: PartJson) -> Self {
        match part {
            PartJson::Text { text } => Self::Text { text: text.into() },
            PartJson::Reasoning { text } => Self::Reasoning { text: text.into() },
            PartJson::ToolCall { id, name, arguments } => {
                Self::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }
            }
            PartJson::ToolResult { id, text, is_error } => {
                Self::ToolResult { id: id.into(), text: text.into(), is_error }
            }
            PartJson::Blob { hash, media_type } => Self::Blob { hash: hash.into(), media_type: media_type.into() },
        }
    }
}

impl Serialize for Message {
    /// Parts of kinds this version does not know make it fail: a record with holes would not be one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.known_parts().count() != self.stored_parts().len() {
            return Err(serde::ser::Error::custom("the message has a part of a kind newer than this version"));
        }
        MessageJson {
            role: self.role(),
            parts: self.known_parts().map(PartJson::from).collect(),
            id: self.id().to_owned(),
            cache: self.cache(),
            opaque: self.opaque().map(str::to_owned),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = MessageJson::deserialize(deserializer)?;
        let draft = Draft::new(json.role).parts(json.parts.into_iter().map(Part::from)).id(&json.id).cache(json.cache);
        Ok(match json.opaque {
            Some(opaque) => draft.opaque(&opaque),
            None => draft,
        }
        .build())
    }
}
