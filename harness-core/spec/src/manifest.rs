//! What a pack says of itself, before any of it runs: its modules, their hooks, their config and what they may do.
//! Refuses to know how a manifest reached it (an ELF section, a test string): it is data.

use std::collections::BTreeMap;

use harness_abi::{Hook, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reference::Version;
use crate::vocabulary::{Capability, Dimension, FieldType, Order, Permission};

/// A pack's manifest: `[pack]` and its `[[module]]`s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackManifest {
    /// Who it is.
    pub pack: Pack,
    /// What it holds, in the manifest's order; names are unique.
    #[serde(rename = "module", default)]
    pub modules: Vec<Module>,
    /// Failure categories it brings beside the built-in ones, in the manifest's order; names are unique.
    #[serde(rename = "category", default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<FailureCategory>,
}

/// A way to fail that only a pack's world knows, as an exact test on the record of a failed episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailureCategory {
    /// The name modules `address`.
    pub name: String,
    /// One line.
    pub summary: String,
    /// The category it is a special case of: who addresses that one addresses this one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refines: Option<String>,
    /// What shows it.
    pub shows: Sign,
    /// How many times at least.
    pub times: u32,
}

/// What shows a failure category in the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The world's answer holds this text.
    Observed(String),
    /// A reply of the model holds this text.
    Said(String),
    /// The tool of this name reported failure.
    ToolError(String),
    /// A named component of the reward is below a bound.
    Part {
        /// The component.
        name: String,
        /// The bound.
        below: f64,
    },
}

/// A pack's identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// The name references begin with.
    pub name: String,
    /// The pack's own version.
    pub version: Version,
    /// Who ships it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// The version of the binary interface it was built against.
    pub abi: Version,
    /// One line.
    pub description: String,
}

/// One module of a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// The name references end with.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The slot it takes, where it takes one: a harness holds at most one processor of a slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The dimension of behaviour it belongs to.
    pub dimension: Dimension,
    /// Hooks it answers, in call order; empty unless it is a processor.
    pub hooks: Vec<Hook>,
    /// Where it stands among the processors of a hook.
    pub order: Order,
    /// Slots or module names that come before it where they are present.
    pub after: Vec<String>,
    /// One line.
    pub summary: String,
    /// Its config fields.
    pub config: BTreeMap<String, Field>,
    /// What it may do; nothing by default.
    pub permissions: Vec<Permission>,
    /// What it needs of the main model.
    pub needs: Vec<Capability>,
    /// What it can do; models only.
    pub provides: Vec<Capability>,
    /// Failure categories it claims to help with: how an evolver that does not know it finds it.
    pub addresses: Vec<String>,
    /// Whether a call may take long, so that the host makes it off the driver's thread. Default: tools and models.
    pub blocking: bool,
    /// Whether equal inputs and seed promise equal bytes. Default: false, nothing is promised.
    pub deterministic: bool,
    /// Whether one instance serves many episodes. Default: models and graders.
    pub shared: bool,
    /// Whether what it shows to a model comes from elsewhere, so that its bytes do not pin it: a lock must. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
}

/// One field of a module's config: a property of a JSON Schema, with what an evolver may do to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its type.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// The value of a harness that leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Least number allowed, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// Greatest number allowed, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The only values allowed; empty: any.
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    /// One line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether a harness must give it. Excludes a default.
    #[serde(default)]
    pub required: bool,
    /// Whether an evolver may change it, within the range.
    #[serde(default)]
    pub tunable: bool,
    /// Ready values worth trying: prompts of different wording, say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Value>,
}

impl PackManifest {
    /// The module of that name.
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|m| m.name == name)
    }

    /// The union of its modules' permissions, sorted: what a lock file records and a person approves.
    pub fn permissions(&self) -> Vec<Permission> {
        let mut all: Vec<Permission> = self.modules.iter().flat_map(|m| m.permissions.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Module {
    /// The config field that holds the harness by which its calls are answered, if it has one.
    pub fn harness_field(&self) -> Option<&str> {
        self.config.iter().find(|(_, field)| field.field_type == FieldType::Harness).map(|(name, _)| name.as_str())
    }

    /// The config a harness that says nothing gets: every field that has a default.
    pub fn defaults(&self) -> BTreeMap<String, Value> {
        self.config.iter().filter_map(|(name, field)| Some((name.clone(), field.default.clone()?))).collect()
    }

    /// The config as a JSON Schema object, for a model or a form to read.
    pub fn json_schema(&self) -> Value {
        let mut properties = serde_json::Map::new();
        for (name, field) in &self.config {
            let mut property = serde_json::Map::new();
            let json_type = match field.field_type {
                FieldType::Harness => FieldType::Object,
                other => other,
            };
            property.insert("type".into(), crate::vocabulary::Vocabulary::name(json_type).into());
            if !field.description.is_empty() {
                property.insert("description".into(), field.description.clone().into());
            }
            if let Some(default) = &field.default {
                property.insert("default".into(), default.clone());
            }
            if let Some(minimum) = field.minimum {
                property.insert("minimum".into(), minimum.into());
            }
            if let Some(maximum) = field.maximum {
                property.insert("maximum".into(), maximum.into());
            }
            if !field.choices.is_empty() {
                property.insert("enum".into(), field.choices.clone().into());
            }
            properties.insert(name.clone(), property.into());
        }
        let required: Vec<Value> =
            self.config.iter().filter(|(_, f)| f.required).map(|(name, _)| name.clone().into()).collect();
        let mut schema = serde_json::Map::new();
        schema.insert("type".into(), "object".into());
        schema.insert("properties".into(), properties.into());
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        schema.insert("additionalProperties".into(), false.into());
        schema.into()
    }
}
