//! One form for every way to write the same harness, and its hash: the variant id. Refuses to depend on key order, on number
//! spelling, or on whether a default is written out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::change::Change;
use crate::field::normal;
use crate::harness::{Config, Harness};
use crate::reference::ModuleRef;
use crate::vocabulary::FieldType;

/// BLAKE3 of a harness's canonical form. Displayed in hexadecimal, 64 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariantId([u8; 32]);

/// Names the use of the hash, so that equal bytes hashed for another purpose never collide with an id. Changes with the form.
const CONTEXT: &str = "harness variant id, canonical form 1";

impl Harness {
    /// The same harness with every config value that equals its manifest's default left out, and numbers in one spelling. Modules
    /// the catalogue does not know keep what is written.
    #[must_use]
    pub fn normalised(&self, catalogue: &Catalogue) -> Self {
        let mut harness = self.clone();
        for model in harness.models.values_mut() {
            tidy(&model.module, &mut model.config, catalogue);
            model.fallbacks.iter_mut().for_each(|f| tidy(&f.module, &mut f.config, catalogue));
        }
        for spec in harness.processors.iter_mut().chain(&mut harness.tools) {
            tidy(&spec.module, &mut spec.config, catalogue);
        }
        for change in harness.adapt.iter_mut().flat_map(|rule| &mut rule.apply) {
            match change {
                Change::Insert { module, id, config, .. } => {
                    tidy(module, config, catalogue);
                    id.get_or_insert_with(|| module.module.clone());
                }
                Change::Replace { module, config, .. } => tidy(module, config, catalogue),
                Change::Model { model: Some(model), .. } => {
                    tidy(&model.module, &mut model.config, catalogue);
                    model.fallbacks.iter_mut().for_each(|f| tidy(&f.module, &mut f.config, catalogue));
                }
                Change::Configure { value: Some(value), .. } | Change::Set { value: Some(value), .. } => {
                    *value = normal(value);
                }
                _ => {}
            }
        }
        harness
    }

    /// The canonical form: the normalised harness as JSON without spaces, keys sorted at every depth, whole floats as integers,
    /// settings always written out.
    pub fn canonical(&self, catalogue: &Catalogue) -> String {
        // Serialising a harness cannot fail: its keys are strings and its numbers JSON numbers.
        serde_json::to_value(self.normalised(catalogue))
            .map_or_else(|_| String::new(), |value| normal(&value).to_string())
    }

    /// The variant id. Two harnesses that the catalogue cannot tell apart have the same one.
    pub fn variant_id(&self, catalogue: &Catalogue) -> VariantId {
        VariantId::derive(CONTEXT, &self.canonical(catalogue))
    }
}

fn tidy(module: &ModuleRef, config: &mut Config, catalogue: &Catalogue) {
    let fields = catalogue.lookup(module).map(|entry| &entry.module.config).ok();
    config.retain(|key, value| {
        let Some(field) = fields.and_then(|fields| fields.get(key)) else {
            *value = normal(value);
            return true;
        };
        *value = one_form(value, field.field_type, catalogue);
        let default = field.default.as_ref();
        default.is_none_or(|default| one_form(default, field.field_type, catalogue) != *value)
    });
}

/// A value in one spelling; a harness as all harnesses are.
fn one_form(value: &Value, field_type: FieldType, catalogue: &Catalogue) -> Value {
    let inner = (field_type == FieldType::Harness).then(|| Harness::from_value(value).ok()).flatten();
    let inner = inner.and_then(|inner| serde_json::to_value(inner.normalised(catalogue)).ok());
    normal(inner.as_ref().unwrap_or(value))
}

impl VariantId {
    /// The id of a text, under the name of its use.
    pub(crate) fn derive(context: &str, text: &str) -> Self {
        Self(blake3::derive_key(context, text.as_bytes()))
    }

    /// The first twelve digits: enough for a person to tell variants apart.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }

    /// The hash itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Not a variant id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a variant id; it has 64 hexadecimal digits")]
pub struct VariantIdError(pub String);

impl fmt::Display for VariantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VariantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VariantId({})", self.short())
    }
}

impl FromStr for VariantId {
    type Err = VariantIdError;

    fn from_str(text: &str) -> Result<Self, VariantIdError> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| VariantIdError(text.to_owned()))
    }
}

impl TryFrom<String> for VariantId {
    type Error = VariantIdError;
    fn try_from(text: String) -> Result<Self, VariantIdError> {
        text.parse()
    }
}

impl From<VariantId> for String {
    fn from(id: VariantId) -> Self {
        id.to_string()
    }
}
