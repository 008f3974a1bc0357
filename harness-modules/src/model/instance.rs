//! A small JSON value that fits a schema: what a model without a language model behind it puts into arguments. Knows types, `enum`,
//! `const`, `default`, bounds and required properties; anything else it leaves at the simplest value.

use serde_json::{Map, Value, json};

/// A stream of numbers fixed by its seed (SplitMix64, Steele et al. 2014).
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The stream of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of `0..count`, uniformly up to a bias below count/2⁶⁴; 0 when there is none.
    pub fn below(&mut self, count: usize) -> usize {
        let product = u128::from(self.next()) * count as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }
}

/// A value that fits `schema`; `pick` chooses one of `0..n` wherever there is a choice.
pub fn of(schema: &Value, pick: &mut dyn FnMut(usize) -> usize) -> Value {
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")) {
        return value.clone();
    }
    if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.is_empty()) {
        return choices.get(pick(choices.len())).cloned().unwrap_or_default();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object" | "dict") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let fields = required.map(|name| (name.to_owned(), of(&schema["properties"][name], pick)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some("array") => {
            let count = schema["minItems"].as_u64().unwrap_or(0).min(16);
            (0..count).map(|_| of(&schema["items"], pick)).collect()
        }
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("boolean") => json!(pick(2) == 1),
        Some("null") => Value::Null,
        _ => json!(""),
    }
}
