//! What stands where a server has text, in everybody's shapes: a string, a part, or a list of parts. Each part is passed on for what it is,
//! or refused by its type.

use harness_abi::{DeltaKind, ModuleError};
use serde_json::Value;

use crate::http::{excerpt, garbage, unsupported};

/// Gives out the text in `value`, in order; what does not call itself a thought or an answer is of `kind`.
///
/// # Errors
///
/// A part of another type, such as an image; a value that is no text.
pub fn read(value: &Value, kind: DeltaKind, out: &mut dyn FnMut(DeltaKind, &str)) -> Result<(), ModuleError> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => {
            out(kind, text);
            Ok(())
        }
        Value::Array(parts) => parts.iter().try_for_each(|part| read(part, kind, out)),
        Value::Object(part) => {
            let first = |keys: &[&str]| keys.iter().filter_map(|key| part.get(*key)).find(|value| !value.is_null());
            let (kind, inner) = match value["type"].as_str() {
                Some(
                    "thinking" | "reasoning" | "reasoning_content" | "reasoning_text" | "reasoning.text" | "thought",
                ) => {
                    let keys = ["thinking", "reasoning", "reasoning_content", "text", "content", "summary"];
                    (DeltaKind::REASONING, first(&keys))
                }
                // Sealed: it has no words.
                Some("reasoning.encrypted") => return Ok(()),
                Some("summary_text" | "reasoning.summary") => (DeltaKind::REASONING, first(&["text", "summary"])),
                Some("refusal") => (DeltaKind::TEXT, first(&["refusal", "text"])),
                Some("text" | "output_text" | "text_delta") | None => (kind, first(&["text", "value", "content"])),
                Some(other) => return Err(unsupported(format_args!("a part of the type `{}`", excerpt(other)))),
            };
            match inner {
                Some(inner) => read(inner, kind, out),
                None if value["type"].is_string() => Ok(()),
                None => Err(garbage(format_args!("the part `{}`", excerpt(&value.to_string())))),
            }
        }
        other => Err(garbage(format_args!("`{other}` in the place of a text"))),
    }
}

/// The text of a field that is a string or nothing.
///
/// # Errors
///
/// It is something else.
pub fn string<'a>(object: &'a Value, key: &str) -> Result<&'a str, ModuleError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(garbage(format_args!("`{}` as `{key}`, which is a text", excerpt(&other.to_string())))),
    }
}

/// A figure: a count, also as a number with a point or as text; `None` where there is none.
pub fn figure(value: &Value) -> Option<u64> {
    let number = || value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    // What is beyond all figures is the largest, and what is below none is none.
    value
        .as_u64()
        .or_else(|| number().filter(|number| number.is_finite() && *number >= 0.0).map(|number| number as u64))
}

/// A place in a list; `None` where none is given.
///
/// # Errors
///
/// It is no place.
pub fn place(object: &Value, key: &str) -> Result<Option<u64>, ModuleError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match figure(value) {
            Some(place) => Ok(Some(place)),
            None => Err(garbage(format_args!("`{}` as `{key}`, which is a place", excerpt(&value.to_string())))),
        },
    }
}

/// Arguments as text: some servers send an object where the protocol wants its text.
pub fn arguments(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
