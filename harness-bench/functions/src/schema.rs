//! Function documents as JSON Schema, the form tool-calling models are shown. BFCL writes Python
//! type names (`dict`, `float`, `tuple`); nothing else about a document is changed.

use serde_json::{Map, Value};

use crate::check::Naming;
use crate::task::FunctionTask;

/// One tool as a model is offered it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// The name to call it by, in the chosen naming.
    pub name: String,
    /// What it does, in the document's words.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// The task's functions as tools.
pub fn tools(task: &FunctionTask, naming: Naming) -> Vec<ToolSpec> {
    task.functions
        .iter()
        .map(|function| {
            let text = |key| function.get(key).and_then(Value::as_str).unwrap_or_default();
            ToolSpec {
                name: naming.apply(text("name")).into_owned(),
                description: text("description").to_owned(),
                parameters: function.get("parameters").map(json_schema).unwrap_or_default(),
            }
        })
        .collect()
}

/// A parameter document with its type names turned into JSON Schema's, at every depth.
///
/// `any` becomes `string`, as the leaderboard does: its checker accepts nothing else there.
pub fn json_schema(document: &Value) -> Value {
    let Value::Object(fields) = document else {
        return document.clone();
    };
    let convert = |(key, value): (&String, &Value)| {
        let value = match (key.as_str(), value) {
            ("type", Value::String(name)) => Value::from(schema_type(name)),
            ("properties", Value::Object(properties)) => {
                Value::Object(properties.iter().map(|(name, property)| (name.clone(), json_schema(property))).collect())
            }
            ("items" | "additionalProperties", inner) => json_schema(inner),
            (_, other) => other.clone(),
        };
        (key.clone(), value)
    };
    Value::Object(fields.iter().map(convert).collect::<Map<_, _>>())
}

fn schema_type(name: &str) -> &str {
    match name {
        "dict" => "object",
        "float" => "number",
        "tuple" => "array",
        "any" => "string",
        other => other,
    }
}
