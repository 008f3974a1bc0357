//! What a server offers, checked: names, descriptions and schemas, which a model will read. Refuses the whole list for one tool that
//! lies: nobody knows what else it lies about. Hints of what a tool changes are not believed unless the configuration says so.

use std::collections::BTreeMap;

use harness_abi::{ModuleError, ToolSpec};
use serde_json::{Map, Value};

use crate::{config::Config, names::offered};

/// Names of tools in an error.
const MOST_NAMES: usize = 40;
/// Bytes of a description.
const LONGEST: usize = 16 << 10;
/// Bytes of a schema.
const LARGEST: usize = 64 << 10;

/// Checked tools, by our names.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    specs: Vec<ToolSpec>,
    theirs: BTreeMap<String, String>,
}

impl Listing {
    /// Checks what is wanted of what a server listed; `names` are all its tools, for an error.
    pub fn check(config: &Config, tools: &[Value], names: &[String]) -> Result<Self, ModuleError> {
        let wanted = |tool: &&Value| config.tools.is_empty() || config.tools.iter().any(|name| tool["name"] == **name);
        let tools: Vec<&Value> = tools.iter().filter(wanted).collect();
        let theirs: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap_or_default()).collect();
        let mut listing = Self { specs: Vec::new(), theirs: BTreeMap::new() };
        for (tool, ours) in tools.iter().zip(offered(&config.name, &theirs)) {
            let (name, spec) = spec(config, tool, ours)?;
            if listing.theirs.insert(spec.name.clone(), name.to_owned()).is_some() {
                return Err(config.wrong(format_args!("offers two tools `{name}`; which one is meant?")));
            }
            listing.specs.push(spec);
        }
        if let Some(missing) = config.tools.iter().find(|wanted| !listing.theirs.values().any(|name| name == *wanted)) {
            let mut all = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
            if names.len() > MOST_NAMES {
                all.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
            }
            return Err(config.wrong(format_args!("offers no tool `{missing}`; it has {all}")));
        }
        if listing.specs.is_empty() {
            return Err(config.wrong("offers no tools"));
        }
        Ok(listing)
    }

    /// As a model sees them.
    pub fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// The server's name for one of ours.
    pub fn theirs(&self, ours: &str) -> Option<&str> {
        self.theirs.get(ours).map(String::as_str)
    }

    /// What is not as it was `before`, in words; empty when all is.
    pub fn differs(&self, before: &Self) -> String {
        let find = |listing: &Self, name: &str| listing.specs.iter().find(|spec| spec.name == name).cloned();
        let mut words = Vec::new();
        for spec in &self.specs {
            match find(before, &spec.name) {
                None => words.push(format!("{} is new", spec.name)),
                Some(known) if known != *spec => words.push(format!("{} says something else", spec.name)),
                Some(_) => {}
            }
        }
        let gone = before.specs.iter().filter(|spec| find(self, &spec.name).is_none());
        words.extend(gone.map(|spec| format!("{} is gone", spec.name)));
        words.join(", ")
    }
}

/// The server's name of a tool, and the tool as a model sees it, under the name `ours`.
fn spec<'a>(config: &Config, tool: &'a Value, ours: String) -> Result<(&'a str, ToolSpec), ModuleError> {
    let name = tool["name"].as_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
        return Err(config.wrong(format_args!(
            "offers a tool by the name {}; a name has 1 to 128 letters, digits, `_`, `-`, `.` or `/`",
            tool["name"]
        )));
    }
    let wrong = |what: String| config.wrong(format_args!("lies about its tool `{name}`: {what}"));
    let description = match &tool["description"] {
        Value::Null => "",
        Value::String(text) if text.len() <= LONGEST => text,
        Value::String(text) => return Err(wrong(format!("a description of {} bytes is above {LONGEST}", text.len()))),
        other => return Err(wrong(format!("its description is {other}, not a text"))),
    };
    let schema = arguments(&tool["inputSchema"]).map_err(wrong)?;
    let hint = |key: &str| config.believe_hints && tool["annotations"][key] == true;
    let spec = ToolSpec {
        name: ours,
        description: description.to_owned(),
        input_schema: schema,
        read_only: hint("readOnlyHint"),
        idempotent: hint("readOnlyHint") || hint("idempotentHint"),
    };
    Ok((name, spec))
}

/// The schema of a tool's arguments with what models' servers insist on: an object, with `properties`, be they none. What else it
/// says is passed on.
fn arguments(schema: &Value) -> Result<Value, String> {
    let object = schema.as_object().ok_or_else(|| format!("its inputSchema is {schema}, not a JSON schema"))?;
    let size = schema.to_string().len();
    if size > LARGEST {
        return Err(format!("an inputSchema of {size} bytes is above {LARGEST}"));
    }
    let mut object = object.clone();
    // Where a language has no empty list, its servers write null.
    object.retain(|key, value| !(value.is_null() && ["type", "properties", "required"].contains(&key.as_str())));
    match object.get("type") {
        None => {}
        Some(Value::String(kind)) if kind == "object" => {}
        Some(Value::Array(kinds)) if kinds.iter().any(|kind| kind == "object") => {}
        Some(kind) => return Err(format!("its inputSchema has the type {kind}; arguments are an object")),
    }
    object.insert("type".to_owned(), "object".into());
    let properties = object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if !properties.as_object().is_some_and(|all| all.values().all(|one| one.is_object() || one.is_boolean())) {
        return Err("the properties of its inputSchema are no schemas by name".to_owned());
    }
    let names = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if object.get("required").is_some_and(|required| !names(required)) {
        return Err("what its inputSchema requires is no list of names".to_owned());
    }
    Ok(object.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::arguments;

    #[test]
    fn a_schema_says_what_models_insist_on() {
        let none = json!({"type": "object", "properties": {}});
        for (schema, expected) in [
            (json!({"type": "object"}), none.clone()),
            (json!({}), none.clone()),
            (json!({"type": ["object", "null"], "properties": null, "required": null}), none),
            (
                json!({"properties": {"a": {"type": "string"}}, "$defs": {"b": true}, "anyOf": [{"required": ["a"]}]}),
                json!({"type": "object", "properties": {"a": {"type": "string"}}, "$defs": {"b": true}, "anyOf": [{"required": ["a"]}]}),
            ),
        ] {
            assert_eq!(arguments(&schema), Ok(expected), "{schema}");
        }
        for schema in [
            json!(null),
            json!("object"),
            json!({"type": "array"}),
            json!({"type": ["null"]}),
            json!({"properties": []}),
        ] {
            assert!(arguments(&schema).is_err(), "{schema}");
        }
    }
}
