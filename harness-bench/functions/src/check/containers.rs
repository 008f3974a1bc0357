//! Values inside arrays and objects: which of the accepted values a given one equals.
//!
//! The rules look one level deep, as the leaderboard's do: strings directly inside an array or an
//! object compare loosely, anything deeper must be equal as it stands.

use serde_json::Value;

use super::Mismatch;
use super::python::{contains, is_blank, loosen, loosened};

/// A string is accepted when it equals one of the accepted strings loosely.
pub(crate) fn string(parameter: &str, value: &Value, accepted: &[Value]) -> Result<(), Mismatch> {
    let Value::String(text) = value else {
        return Err(Mismatch::undefined(format_args!("{parameter:?} is compared as text and is none")));
    };
    let text = loosen(text);
    let matches = accepted.iter().filter_map(Value::as_str).any(|candidate| loosen(candidate) == text);
    matches.then_some(()).ok_or_else(|| Mismatch::WrongValue(parameter.to_owned()))
}

/// An array is accepted when it equals one of the accepted arrays, element by element.
pub(crate) fn list(parameter: &str, value: &[Value], accepted: &[Value]) -> Result<(), Mismatch> {
    let value: Vec<Value> = value.iter().map(loosened).collect();
    // All accepted values are read before any is compared: one that is not a sequence leaves the
    // verdict undefined even where another would match.
    let accepted = accepted
        .iter()
        .map(|candidate| sequence(parameter, candidate).map(Value::Array))
        .collect::<Result<Vec<_>, _>>()?;
    let value = Value::Array(value);
    contains(&accepted, &value).then_some(()).ok_or_else(|| Mismatch::WrongValue(parameter.to_owned()))
}

/// What Python indexes from 0 to `len`: an array's elements or a string's characters, loosened.
fn sequence(parameter: &str, candidate: &Value) -> Result<Vec<Value>, Mismatch> {
    match candidate {
        Value::Array(items) => Ok(items.iter().map(loosened).collect()),
        Value::String(text) => Ok(text.chars().map(|c| Value::String(loosen(c.encode_utf8(&mut [0; 4])))).collect()),
        Value::Object(fields) if fields.is_empty() => Ok(Vec::new()),
        _ => Err(Mismatch::undefined(format_args!("an accepted value of {parameter:?} is not a sequence"))),
    }
}

/// An object is accepted when one of the accepted objects has all its keys, lists each of its
/// values, and insists on no other key.
pub(crate) fn dict<'a>(
    parameter: &str,
    value: &Value,
    accepted: impl IntoIterator<Item = &'a Value>,
) -> Result<(), Mismatch> {
    let mut last = Mismatch::WrongValue(parameter.to_owned());
    for candidate in accepted.into_iter().filter(|value| !is_blank(value)) {
        match dict_against(parameter, value, candidate) {
            Ok(()) => return Ok(()),
            Err(undefined @ Mismatch::Undefined(_)) => return Err(undefined),
            Err(other) => last = other,
        }
    }
    Err(last)
}

fn dict_against(parameter: &str, value: &Value, candidate: &Value) -> Result<(), Mismatch> {
    let (Value::Object(fields), Value::Object(accepted)) = (value, candidate) else {
        return Err(Mismatch::undefined(format_args!("{parameter:?} is compared as an object and is none")));
    };
    let wrong_key = |key: &str| Mismatch::WrongKey { parameter: parameter.to_owned(), key: key.to_owned() };
    let mut fault = None;
    for (key, field) in fields {
        let Some(choices) = accepted.get(key) else {
            fault = Some(wrong_key(key));
            break;
        };
        let choices = sequence(parameter, choices)?;
        if !contains(&choices, &loosened(field)) {
            fault = Some(Mismatch::WrongValue(parameter.to_owned()));
            break;
        }
    }
    for (key, choices) in accepted {
        if !fields.contains_key(key) && !may_be_absent(parameter, choices)? {
            fault = Some(wrong_key(key));
            break;
        }
    }
    fault.map_or(Ok(()), Err)
}

/// Python's `"" in choices`: an element of an array, a key of an object, a part of any string.
fn may_be_absent(parameter: &str, choices: &Value) -> Result<bool, Mismatch> {
    match choices {
        Value::Array(items) => Ok(items.iter().any(is_blank)),
        Value::Object(fields) => Ok(fields.contains_key("")),
        Value::String(_) => Ok(true),
        _ => Err(Mismatch::undefined(format_args!("a key of {parameter:?} has no list of accepted values"))),
    }
}

/// An array of objects is accepted when one accepted array has the same length and each object is
/// accepted in its place.
pub(crate) fn list_of_dicts(parameter: &str, value: &[Value], accepted: &[Value]) -> Result<(), Mismatch> {
    let mut last = Mismatch::WrongValue(parameter.to_owned());
    for candidate in accepted {
        let length = match candidate {
            Value::Array(items) => items.len(),
            Value::String(text) => text.chars().count(),
            Value::Object(fields) => fields.len(),
            _ => {
                return Err(Mismatch::undefined(format_args!("an accepted value of {parameter:?} is not a sequence")));
            }
        };
        if length != value.len() {
            last = Mismatch::WrongLength(parameter.to_owned());
            continue;
        }
        let empty = Vec::new();
        let items = match candidate {
            Value::Array(items) => items,
            _ if length == 0 => &empty,
            _ => {
                return Err(Mismatch::undefined(format_args!(
                    "an accepted value of {parameter:?} is not an array of objects"
                )));
            }
        };
        let outcome = value.iter().zip(items).try_for_each(|(given, wanted)| dict(parameter, given, [wanted]));
        match outcome {
            Ok(()) => return Ok(()),
            Err(undefined @ Mismatch::Undefined(_)) => return Err(undefined),
            Err(other) => last = other,
        }
    }
    Err(last)
}
