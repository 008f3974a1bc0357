//! What a server offers, checked: names, descriptions and schemas, which a model will read. Refuses the whole list for one tool that
//! lies: nobody knows what else it lies about. Hints of what a tool changes are not believed unless the configuration says so.

use std::collections::BTreeMap;

use harness_abi::{ModuleError, ToolSpec};
use serde_json::Value;

use crate::config::Config;

/// Tools a server may offer.
pub const MOST_TOOLS: usize = 512;
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
    /// Checks what a server listed.
    pub fn check(config: &Config, tools: &[Value]) -> Result<Self, ModuleError> {
        let mut listing = Self { specs: Vec::new(), theirs: BTreeMap::new() };
        for tool in tools {
            let name = tool["name"].as_str().unwrap_or_default();
            if !config.tools.is_empty() && !config.tools.iter().any(|wanted| wanted == name) {
                continue;
            }
            let spec = spec(config, tool)?;
            if listing.theirs.insert(spec.name.clone(), name.to_owned()).is_some() {
                return Err(config.wrong(format_args!("offers two tools `{name}`; which one is meant?")));
            }
            listing.specs.push(spec);
        }
        if let Some(missing) = config.tools.iter().find(|wanted| !listing.theirs.values().any(|name| name == *wanted)) {
            let all: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
            return Err(config.wrong(format_args!("offers no tool `{missing}`; it has {}", all.join(", "))));
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

fn spec(config: &Config, tool: &Value) -> Result<ToolSpec, ModuleError> {
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
    let schema = &tool["inputSchema"];
    let object = schema.as_object().ok_or_else(|| wrong(format!("its inputSchema is {schema}, not a JSON schema")))?;
    if schema["type"] != "object" {
        return Err(wrong(format!("its inputSchema has the type {}; arguments are an object", schema["type"])));
    }
    let size = schema.to_string().len();
    if size > LARGEST {
        return Err(wrong(format!("an inputSchema of {size} bytes is above {LARGEST}")));
    }
    let schemas = |value: &Value| {
        value.as_object().is_some_and(|all| all.values().all(|one| one.is_object() || one.is_boolean()))
    };
    if object.get("properties").is_some_and(|properties| !schemas(properties)) {
        return Err(wrong("the properties of its inputSchema are no schemas by name".to_owned()));
    }
    let names = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if object.get("required").is_some_and(|required| !names(required)) {
        return Err(wrong("what its inputSchema requires is no list of names".to_owned()));
    }
    let hint = |key: &str| config.believe_hints && tool["annotations"][key] == true;
    Ok(ToolSpec {
        name: format!("{}__{name}", config.name),
        description: description.to_owned(),
        input_schema: schema.clone(),
        read_only: hint("readOnlyHint"),
        idempotent: hint("readOnlyHint") || hint("idempotentHint"),
    })
}
