//! Whether a value fits a config field, and when two values of one are the same. Of arrays and objects only the
//! type is checked: what is inside is read by the module.

use serde_json::{Number, Value};

use crate::manifest::Field;
use crate::vocabulary::FieldType;

impl Field {
    /// Accepts a value of the field's type and range, or says in words what it must be.
    ///
    /// # Errors
    ///
    /// What the value must be, in words.
    pub fn accepts(&self, value: &Value) -> Result<(), String> {
        let typed = match self.field_type {
            FieldType::String => value.is_string(),
            FieldType::Integer => as_integer(value).is_some(),
            FieldType::Number => value.is_number(),
            FieldType::Boolean => value.is_boolean(),
            FieldType::Array => value.is_array(),
            FieldType::Object | FieldType::Harness => value.is_object(),
        };
        let number = value.as_f64();
        let low = self.minimum.zip(number).is_some_and(|(low, n)| n < low);
        let high = self.maximum.zip(number).is_some_and(|(high, n)| n > high);
        let listed = self.choices.is_empty() || self.choices.iter().any(|choice| normal(choice) == normal(value));
        if typed && !low && !high && listed && representable(value) { Ok(()) } else { Err(self.expects()) }
    }

    /// What a value must be, in words.
    pub fn expects(&self) -> String {
        if !self.choices.is_empty() {
            let all: Vec<String> = self.choices.iter().map(|choice| format!("`{choice}`")).collect();
            return format!("one of {}", all.join(", "));
        }
        let what = match self.field_type {
            FieldType::String => "a string",
            FieldType::Integer => "an integer",
            FieldType::Number => "a number",
            FieldType::Boolean => "true or false",
            FieldType::Array => "an array",
            FieldType::Object => "a table",
            FieldType::Harness => "a harness, as a table",
        };
        match (self.minimum, self.maximum) {
            (Some(low), Some(high)) => format!("{what} from {low} to {high}"),
            (Some(low), None) => format!("{what}, {low} or more"),
            (None, Some(high)) => format!("{what}, {high} or less"),
            (None, None) => what.to_owned(),
        }
    }
}

/// Whole numbers written as floats are the same value: `3` and `3.0` differ in nothing a module could rely on.
/// Objects lose the order of their keys, at every depth.
pub(crate) fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            as_integer(value).map_or_else(|| Value::Number(number.clone()), |i| Value::Number(Number::from(i)))
        }
        Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
        Value::Object(entries) => {
            let mut sorted: Vec<(&String, &Value)> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            Value::Object(sorted.into_iter().map(|(key, item)| (key.clone(), normal(item))).collect())
        }
        other => other.clone(),
    }
}

/// Whether TOML can hold it: no `null` at any depth, no integer beyond `i64`.
pub(crate) fn representable(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::Array(items) => items.iter().all(representable),
        Value::Object(entries) => entries.values().all(representable),
        Value::Bool(_) | Value::String(_) => true,
    }
}

/// The integer a JSON number is, if it is one exactly. Floats count up to 2⁵³, below which every integer has its own float.
fn as_integer(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64().filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() <= EXACT)?;
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, tested above")]
            Some(float as i64)
        }),
        _ => None,
    }
}
