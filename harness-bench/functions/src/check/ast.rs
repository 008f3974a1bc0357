//! The `ast` grader: whole calls, with the verdicts of the leaderboard's own checker for Python.
//!
//! Written from the observed behaviour of `bfcl-eval` 2026.3.23, its oddities included (an empty
//! array passes where a parameter may be left out; a value of the gold answer's type passes even
//! where the document asks for another): a score is worth something only if others get the same.

use serde_json::{Map, Value};

use super::containers;
use super::python::{PyType, contains, int_as_float, is_blank};
use super::{Mismatch, Naming, any_call, no_call};
use crate::task::{Call, FunctionTask, GoldCall, Marking};

/// Marks the whole calls of an answer.
///
/// # Errors
/// The [`Mismatch`] that decided it.
pub fn check_ast(task: &FunctionTask, calls: &[Call], naming: Naming) -> Result<(), Mismatch> {
    let marking = task.category.marking();
    match marking {
        Marking::None => return no_call(calls),
        Marking::Any => return any_call(calls),
        Marking::Single | Marking::Chosen | Marking::Unordered => {}
    }
    if let Some(call) = calls.iter().find(|call| !call.arguments.is_object()) {
        return Err(Mismatch::NotAnObject { function: call.name.clone() });
    }
    let expected = match marking {
        Marking::Single => 1,
        _ => task.gold.len(),
    };
    if calls.len() != expected {
        return Err(Mismatch::WrongCount { expected, got: calls.len() });
    }
    if marking == Marking::Unordered {
        return unordered(task, calls, naming);
    }
    let (Some(gold), Some(call)) = (task.gold.first(), calls.first()) else {
        return Err(Mismatch::undefined("the task has no gold answer"));
    };
    let document = match marking {
        Marking::Single => task.functions.first(),
        _ => task.function(&gold.name),
    };
    one_call(document, call, gold, naming)
}

/// Each gold call takes the first call not yet taken that matches it.
fn unordered(task: &FunctionTask, calls: &[Call], naming: Naming) -> Result<(), Mismatch> {
    let mut taken = vec![false; calls.len()];
    for (index, gold) in task.gold.iter().enumerate() {
        let document = task.function(&gold.name);
        let mut found = None;
        for (position, call) in calls.iter().enumerate() {
            if taken[position] {
                continue;
            }
            match one_call(document, call, gold, naming) {
                Ok(()) => {
                    found = Some(position);
                    break;
                }
                Err(undefined @ Mismatch::Undefined(_)) => return Err(undefined),
                Err(_) => {}
            }
        }
        match found {
            Some(position) => taken[position] = true,
            None => return Err(Mismatch::NoMatch(index)),
        }
    }
    Ok(())
}

fn one_call(document: Option<&Value>, call: &Call, gold: &GoldCall, naming: Naming) -> Result<(), Mismatch> {
    let Some(document) = document else {
        return Err(Mismatch::undefined(format_args!("{:?} is not documented", gold.name)));
    };
    let document = Document::read(document)?;
    let expected = naming.apply(document.name);
    if call.name != expected {
        return Err(Mismatch::WrongFunction { expected: expected.into_owned(), got: call.name.clone() });
    }
    let empty = Map::new();
    let arguments = call.arguments.as_object().unwrap_or(&empty);
    let missing = |parameter: &&str| !arguments.contains_key(*parameter);
    if let Some(parameter) = document.required.into_iter().find(missing) {
        return Err(Mismatch::MissingRequired(parameter.to_owned()));
    }
    for (parameter, value) in arguments {
        let (Some(property), Some(accepted)) =
            (document.properties.get(parameter), gold.accepted.get(parameter).and_then(Value::as_array))
        else {
            return Err(Mismatch::UnexpectedParameter(parameter.clone()));
        };
        argument(parameter, value, property, accepted)?;
    }
    let insisted = |(parameter, accepted): &(&String, &Value)| {
        !arguments.contains_key(*parameter) && !accepted.as_array().is_some_and(|values| values.iter().any(is_blank))
    };
    match gold.accepted.iter().find(insisted) {
        Some((parameter, _)) => Err(Mismatch::MissingOptional(parameter.clone())),
        None => Ok(()),
    }
}

/// What marking reads of a function document.
struct Document<'a> {
    name: &'a str,
    properties: &'a Map<String, Value>,
    required: Vec<&'a str>,
}

impl<'a> Document<'a> {
    fn read(document: &'a Value) -> Result<Self, Mismatch> {
        let parameters = document.get("parameters");
        let part = |key| parameters.and_then(|parameters| parameters.get(key));
        let (Some(name), Some(properties), Some(required)) = (
            document.get("name").and_then(Value::as_str),
            part("properties").and_then(Value::as_object),
            part("required").and_then(Value::as_array),
        ) else {
            return Err(Mismatch::undefined("a function document lacks its name, properties or required parameters"));
        };
        Ok(Document { name, properties, required: required.iter().filter_map(Value::as_str).collect() })
    }
}

/// The Python type a parameter's document asks for.
fn documented(parameter: &str, document: Option<&Value>) -> Result<PyType, Mismatch> {
    document
        .and_then(|document| document.get("type"))
        .and_then(Value::as_str)
        .and_then(PyType::documented)
        .ok_or_else(|| Mismatch::undefined(format_args!("the type of {parameter:?} is not documented")))
}

fn argument(parameter: &str, value: &Value, document: &Value, accepted: &[Value]) -> Result<(), Mismatch> {
    let expected = documented(parameter, Some(document))?;
    let element = match expected {
        PyType::List => Some(documented(parameter, document.get("items"))?),
        _ => None,
    };
    let converted;
    let value = if expected == PyType::Float {
        converted = int_as_float(value);
        &converted
    } else {
        value
    };
    let of_gold_type = typed(parameter, value, accepted, expected, element)?;
    if !of_gold_type {
        match (expected, element, value) {
            (PyType::Dict, _, _) => return containers::dict(parameter, value, accepted),
            (PyType::List, Some(PyType::Dict), Value::Array(items)) => {
                return containers::list_of_dicts(parameter, items, accepted);
            }
            (PyType::Str, _, _) => return containers::string(parameter, value, accepted),
            (PyType::List, _, Value::Array(items)) => {
                return containers::list(parameter, items, accepted);
            }
            _ => {}
        }
    }
    if contains(accepted, value) { Ok(()) } else { Err(Mismatch::WrongValue(parameter.to_owned())) }
}

/// Checks the type. `true` means that the gold answer's values have another type than the document
/// asks for; the value is then compared as it stands, without any looseness.
fn typed(
    parameter: &str,
    value: &Value,
    accepted: &[Value],
    expected: PyType,
    element: Option<PyType>,
) -> Result<bool, Mismatch> {
    let gold_type = accepted.iter().find(|value| !is_blank(value)).map(PyType::of);
    let differs = gold_type.is_some_and(|gold| gold != expected);
    let given = PyType::of(value);
    if given != expected {
        return if Some(given) == gold_type {
            Ok(true)
        } else {
            Err(Mismatch::WrongType { parameter: parameter.to_owned(), expected: expected.name(), got: given.name() })
        };
    }
    let (Some(element), Value::Array(items)) = (element, value) else {
        return Ok(differs);
    };
    // One accepted value whose elements have the types of ours is enough, and one that is not an
    // array (such as the mark of an optional parameter) accepts any elements.
    let fits = accepted.iter().any(|candidate| match candidate {
        Value::Array(candidates) => items.iter().all(|item| typed(parameter, item, candidates, element, None).is_ok()),
        _ => true,
    });
    if fits { Ok(differs) } else { Err(Mismatch::WrongElementType(parameter.to_owned())) }
}
