//! What a reply must look like, in this family's words. Refuses what they have no words for, by name.

use harness_abi::{Constraint, ModuleError, ToolSpec};
use serde_json::{Map, Value, json};

use super::config::{Api, Choice, Config};
use crate::reply::Expected;

/// Writes the constraint into a request's body.
pub fn constrain(
    config: &Config,
    constraint: Constraint,
    tools: &[ToolSpec],
    body: &mut Map<String, Value>,
) -> Result<Expected, ModuleError> {
    match constraint {
        Constraint::Free => Ok(Expected::Free),
        Constraint::JsonSchema { schema } => {
            put_schema(config.api, body, "reply", &schema, config.strict);
            Ok(Expected::Json)
        }
        Constraint::ToolCall { .. } if tools.is_empty() => {
            Err(ModuleError::input("a tool call is asked for, but the request has no tools; show one"))
        }
        Constraint::ToolCall { arguments } => {
            body.insert("tool_choice".into(), "required".into());
            body.insert("parallel_tool_calls".into(), false.into());
            Ok(Expected::Call { arguments })
        }
        Constraint::Choice { choices } if choices.is_empty() => {
            Err(ModuleError::input("the choice of the request is empty; it needs at least one string"))
        }
        Constraint::Choice { choices } => match config.choice {
            Choice::JsonSchema => {
                put_schema(config.api, body, "choice", &choice_schema(&choices), true);
                Ok(Expected::Choice { choices, wrapped: true })
            }
            Choice::GuidedChoice => {
                body.insert("guided_choice".into(), choices.clone().into());
                Ok(Expected::Choice { choices, wrapped: false })
            }
            Choice::Refuse => Err(ModuleError::unsupported(
                "this model is configured to refuse a choice among strings; set `choice` to json_schema or guided_choice if its server knows one",
            )),
        },
        other => Err(no_words("chat completions and Responses", &other)),
    }
}

/// A choice as JSON.
pub fn choice_schema(choices: &[String]) -> Value {
    json!({
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": choices}},
        "required": ["choice"],
        "additionalProperties": false,
    })
}

/// The error for a constraint a protocol does not know.
pub fn no_words(protocol: &str, constraint: &Constraint) -> ModuleError {
    let value = serde_json::to_value(constraint).ok();
    let name = value.and_then(|value| value["type"].as_str().map(str::to_owned)).unwrap_or_default();
    ModuleError::unsupported(format_args!(
        "{protocol} have no words for the constraint {name}; use a choice, a JSON schema or a tool call"
    ))
}

fn put_schema(api: Api, body: &mut Map<String, Value>, name: &str, schema: &Value, strict: bool) {
    match api {
        Api::Chat => {
            let inner = json!({"name": name, "schema": schema, "strict": strict});
            body.insert("response_format".into(), json!({"type": "json_schema", "json_schema": inner}));
        }
        Api::Responses => {
            let format = json!({"type": "json_schema", "name": name, "schema": schema, "strict": strict});
            body.insert("text".into(), json!({"format": format}));
        }
    }
}
