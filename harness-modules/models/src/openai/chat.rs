//! Our request → the body of a chat completion. Refuses what the protocol has no words for, by name.

use harness_abi::{ChatRequest, Message, ModuleError, Part, Role, ToolSpec};
use serde_json::{Map, Value, json};

use super::{config::Config, constrain::constrain, text};
use crate::reply::{self, Asked, Expected, Ids, Names};

/// Writes `request`.
pub fn write(config: &Config, request: &ChatRequest<'_>) -> Result<(Value, Asked), ModuleError> {
    let (tools, sampling) = (request.tools()?, request.sampling()?);
    let names = Names::new(tools.iter().map(|tool| tool.name.as_str()));
    let service = &config.service;
    let mut body = Map::new();
    body.insert("model".into(), service.model.as_str().into());
    let mut messages = Vec::new();
    for message in request.messages.as_slice() {
        push(&mut messages, message, &names)?;
    }
    body.insert("messages".into(), messages.into());
    if service.send_sampling {
        body.insert("temperature".into(), sampling.temperature.into());
        body.insert("top_p".into(), sampling.top_p.into());
    }
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
    if service.stream {
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    let expected = constrain(config, request.constraint()?, &tools, &mut body)?;
    if !tools.is_empty() {
        let empty = matches!(expected, Expected::Call { arguments: false });
        let tools: Vec<Value> = tools.iter().map(|tool| function(tool, &names, empty)).collect();
        body.insert("tools".into(), tools.into());
    }
    body.extend(service.extra_body.clone());
    let ids = Ids::of(request.messages.as_slice());
    Ok((body.into(), Asked { names, expected, answer_tool: None, ids, seed: sampling.seed }))
}

fn function(tool: &ToolSpec, names: &Names, empty: bool) -> Value {
    let parameters = if empty { json!({"type": "object", "properties": {}}) } else { tool.input_schema.clone() };
    json!({"type": "function", "function": {"name": names.theirs(&tool.name), "description": tool.description, "parameters": parameters}})
}

fn push(messages: &mut Vec<Value>, message: &Message, names: &Names) -> Result<(), ModuleError> {
    let text = text(message)?;
    match message.role() {
        Role::System => messages.push(json!({"role": "system", "content": text})),
        Role::User => messages.push(json!({"role": "user", "content": text})),
        Role::Assistant => {
            let calls: Vec<Value> = message
                .calls()
                .map(|call| {
                    let (name, arguments) = (names.theirs(call.name), reply::text(call.arguments));
                    json!({"id": call.id, "type": "function", "function": {"name": name, "arguments": arguments}})
                })
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
