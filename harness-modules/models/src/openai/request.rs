//! Our request → the body of a chat completion. Refuses what the protocol has no words for, by name.

use harness_abi::{ChatRequest, Constraint, Message, ModuleError, Part, Role, ToolSpec};
use serde_json::{Map, Value, json};

use super::config::{Choice, Config};
use super::names::Names;

/// What the reply must turn out to be.
#[derive(Debug, PartialEq)]
pub enum Expected {
    /// Anything.
    Free,
    /// One of these strings; in a JSON object of the field `choice` when `wrapped`.
    Choice {
        /// The strings.
        choices: Vec<String>,
        /// Whether the protocol made JSON of it.
        wrapped: bool,
    },
    /// JSON.
    Json,
    /// A tool call.
    Call {
        /// Whether its arguments are the model's.
        arguments: bool,
    },
}

/// A translated request.
#[derive(Debug)]
pub struct Translated {
    /// The body.
    pub body: Value,
    /// Both names of the tools.
    pub names: Names,
    /// What the reply must be.
    pub expected: Expected,
    /// The call's seed.
    pub seed: u64,
}

/// Translates `request`.
pub fn translate(config: &Config, request: &ChatRequest<'_>) -> Result<Translated, ModuleError> {
    let (tools, sampling) = (request.tools()?, request.sampling()?);
    let names = Names::new(tools.iter().map(|tool| tool.name.as_str()));
    let mut body = Map::new();
    body.insert("model".into(), config.model.as_str().into());
    let mut messages = Vec::new();
    for message in request.messages.as_slice() {
        push(&mut messages, message, &names)?;
    }
    body.insert("messages".into(), messages.into());
    body.insert("temperature".into(), sampling.temperature.into());
    body.insert("top_p".into(), sampling.top_p.into());
    body.insert(config.max_tokens_field.clone(), sampling.max_tokens.into());
    if config.send_seed {
        // Servers take a signed number.
        body.insert("seed".into(), (sampling.seed >> 1).into());
    }
    if !sampling.stop.is_empty() {
        body.insert("stop".into(), sampling.stop.clone().into());
    }
    if config.logprobs {
        body.insert("logprobs".into(), true.into());
    }
    if config.stream {
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    let expected = constrain(config, request.constraint()?, &tools, &mut body)?;
    if !tools.is_empty() {
        let empty = matches!(expected, Expected::Call { arguments: false });
        let tools: Vec<Value> = tools.iter().map(|tool| function(tool, &names, empty)).collect();
        body.insert("tools".into(), tools.into());
    }
    body.extend(config.extra_body.clone());
    Ok(Translated { body: body.into(), names, expected, seed: sampling.seed })
}

fn function(tool: &ToolSpec, names: &Names, empty: bool) -> Value {
    let parameters = if empty { json!({"type": "object", "properties": {}}) } else { tool.input_schema.clone() };
    json!({"type": "function", "function": {"name": names.theirs(&tool.name), "description": tool.description, "parameters": parameters}})
}

fn schema(name: &str, schema: &Value, strict: bool) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}})
}

fn constrain(
    config: &Config,
    constraint: Constraint,
    tools: &[ToolSpec],
    body: &mut Map<String, Value>,
) -> Result<Expected, ModuleError> {
    match constraint {
        Constraint::Free => Ok(Expected::Free),
        Constraint::JsonSchema { schema: wanted } => {
            body.insert("response_format".into(), schema("reply", &wanted, config.strict));
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
                let wanted = json!({
                    "type": "object",
                    "properties": {"choice": {"type": "string", "enum": choices}},
                    "required": ["choice"],
                    "additionalProperties": false,
                });
                body.insert("response_format".into(), schema("choice", &wanted, true));
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
        other => Err(ModuleError::unsupported(format_args!(
            "chat completions have no words for the constraint {}; use a choice, a JSON schema or a tool call",
            serde_json::to_value(&other)
                .ok()
                .and_then(|value| value["type"].as_str().map(str::to_owned))
                .unwrap_or_default()
        ))),
    }
}

fn push(messages: &mut Vec<Value>, message: &Message, names: &Names) -> Result<(), ModuleError> {
    if message.known_parts().count() != message.stored_parts().len()
        || message.known_parts().any(|part| matches!(part, Part::Blob { .. }))
    {
        return Err(ModuleError::unsupported(
            "a message holds a part other than text and calls, which this model cannot send; drop it",
        ));
    }
    let texts: Vec<&str> = message
        .known_parts()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let text = texts.join("\n");
    match message.role() {
        Role::System => messages.push(json!({"role": "system", "content": text})),
        Role::User => messages.push(json!({"role": "user", "content": text})),
        Role::Assistant => {
            let calls: Vec<Value> = message
                .calls()
                .map(|call| json!({"id": call.id, "type": "function", "function": {"name": names.theirs(call.name), "arguments": call.arguments}}))
                .collect();
            let mut entry = Map::new();
            entry.insert("role".into(), "assistant".into());
            // A message of calls alone has no content; an empty string is refused by some servers.
            entry
                .insert("content".into(), if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() });
            if !calls.is_empty() {
                entry.insert("tool_calls".into(), calls.into());
            }
            messages.push(entry.into());
        }
        Role::Tool => {
            for part in message.known_parts() {
                if let Part::ToolResult { id, text, .. } = part {
                    messages.push(json!({"role": "tool", "tool_call_id": id.as_str(), "content": text.as_str()}));
                }
            }
        }
    }
    Ok(())
}
