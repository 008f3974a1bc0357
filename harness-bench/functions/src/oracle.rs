//! The calls a task's own gold answer calls for: what the `oracle` pseudo-model plays, to show that
//! environment and graders let a right answer through. No harness may see it.

use serde_json::{Map, Value};

use crate::check::Naming;
use crate::task::{Call, FunctionTask, GoldCall, Marking};

/// One right answer: every gold call with the first accepted value of each parameter, leaving out
/// what may be left out. Empty for irrelevance tasks; for relevance tasks, which have no gold
/// answer and whose arguments nobody marks, a bare call of the first function.
///
/// Four of BFCL's 2,351 gold answers contradict their own function documents; their oracle answer
/// is wrong by the official checker too.
pub fn oracle_calls(task: &FunctionTask, naming: Naming) -> Vec<Call> {
    match task.category.marking() {
        Marking::None => Vec::new(),
        Marking::Any => task
            .names()
            .take(1)
            .map(|name| Call { name: naming.apply(name).into_owned(), arguments: Value::Object(Map::new()) })
            .collect(),
        Marking::Single | Marking::Chosen | Marking::Unordered => task
            .gold
            .iter()
            .map(|gold| Call {
                name: naming.apply(&gold.name).into_owned(),
                arguments: Value::Object(arguments(task, gold)),
            })
            .collect(),
    }
}

fn arguments(task: &FunctionTask, gold: &GoldCall) -> Map<String, Value> {
    let parameters = task.function(&gold.name).and_then(|function| function.get("parameters"));
    let required = |name: &str| {
        parameters
            .and_then(|parameters| parameters.get("required"))
            .and_then(Value::as_array)
            .is_some_and(|required| required.iter().any(|entry| entry == name))
    };
    let document = |name: &str| parameters.and_then(|parameters| parameters.pointer("/properties")?.get(name));
    let mut arguments = Map::new();
    for (name, accepted) in &gold.accepted {
        let accepted = accepted.as_array().map_or(&[][..], Vec::as_slice);
        let must = required(name);
        if !must && accepted.iter().any(is_blank) {
            continue;
        }
        let Some(choice) = accepted.iter().find(|value| !is_blank(value)).or(accepted.first()) else {
            continue;
        };
        let type_of = |document: Option<&Value>| {
            document.and_then(|document| document.get("type")).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let document = document(name);
        let element = type_of(document.and_then(|document| document.get("items")));
        let value = match choice {
            Value::Object(fields) if type_of(document) == "dict" => object(fields),
            Value::Array(items) if element == "dict" => items
                .iter()
                .map(|item| match item {
                    Value::Object(fields) => object(fields),
                    other => other.clone(),
                })
                .collect(),
            other => other.clone(),
        };
        arguments.insert(name.clone(), value);
    }
    arguments
}

/// An accepted object lists accepted values for each key.
fn object(fields: &Map<String, Value>) -> Value {
    let chosen = fields.iter().filter_map(|(key, accepted)| match accepted {
        Value::Array(values) => values.iter().find(|value| !is_blank(value)).map(|value| (key.clone(), value.clone())),
        other => Some((key.clone(), other.clone())),
    });
    Value::Object(chosen.collect())
}

fn is_blank(value: &Value) -> bool {
    value.as_str() == Some("")
}
