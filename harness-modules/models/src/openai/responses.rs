//! Our request → the body of a response (`POST /responses`). Nothing is left on the server: the whole conversation is sent each time.
//! Refuses what the protocol has no words for, by name.

use harness_abi::{ChatRequest, Message, ModuleError, Part, Role, ToolSpec};
use serde_json::{Map, Value, json};

use super::{config::Config, constrain::constrain, text};
use crate::reply::{self, Asked, Expected, Ids, Names};

/// The key of what a server wants back, in a message's opaque JSON.
pub const OPAQUE: &str = "openai.responses";

/// Writes `request`.
pub fn write(config: &Config, request: &ChatRequest<'_>) -> Result<(Value, Asked), ModuleError> {
    let (tools, sampling) = (request.tools()?, request.sampling()?);
    if !sampling.stop.is_empty() {
        return Err(ModuleError::unsupported(
            "Responses have no strings that end a reply; drop `stop`, or set api = \"chat\"",
        ));
    }
    let names = Names::new(tools.iter().map(|tool| tool.name.as_str()));
    let service = &config.service;
    let mut body = Map::new();
    body.insert("model".into(), service.model.as_str().into());
    let mut input = Vec::new();
    for message in request.messages.as_slice() {
        push(&mut input, message, &names)?;
    }
    body.insert("input".into(), input.into());
    body.insert("store".into(), false.into());
    if service.send_sampling {
        body.insert("temperature".into(), sampling.temperature.into());
        body.insert("top_p".into(), sampling.top_p.into());
    }
    body.insert("max_output_tokens".into(), sampling.max_tokens.into());
    if config.logprobs {
        body.insert("include".into(), json!(["message.output_text.logprobs"]));
    }
    if service.stream {
        body.insert("stream".into(), true.into());
    }
    let expected = constrain(config, request.constraint()?, &tools, &mut body)?;
    if !tools.is_empty() {
        let empty = matches!(expected, Expected::Call { arguments: false });
        let tools: Vec<Value> = tools.iter().map(|tool| function(config, tool, &names, empty)).collect();
        body.insert("tools".into(), tools.into());
    }
    body.extend(service.extra_body.clone());
    let ids = Ids::of(request.messages.as_slice());
    Ok((body.into(), Asked { names, expected, answer_tool: None, ids, seed: sampling.seed }))
}

fn function(config: &Config, tool: &ToolSpec, names: &Names, empty: bool) -> Value {
    let parameters = if empty { json!({"type": "object", "properties": {}}) } else { tool.input_schema.clone() };
    // Unlike chat completions, this protocol holds a tool to its schema unless told not to.
    json!({"type": "function", "name": names.theirs(&tool.name), "description": tool.description, "parameters": parameters, "strict": config.strict})
}

fn push(input: &mut Vec<Value>, message: &Message, names: &Names) -> Result<(), ModuleError> {
    let text = text(message)?;
    match message.role() {
        Role::System => input.push(json!({"role": "system", "content": text})),
        Role::User => input.push(json!({"role": "user", "content": text})),
        Role::Assistant => {
            let opaque: Option<Value> = message.opaque().and_then(|opaque| serde_json::from_str(opaque).ok());
            input.extend(opaque.iter().filter_map(|opaque| opaque[OPAQUE].as_array()).flatten().cloned());
            if !text.is_empty() {
                input.push(json!({"role": "assistant", "content": text}));
            }
            input.extend(message.calls().map(|call| {
                let (name, arguments) = (names.theirs(call.name), reply::text(call.arguments));
                json!({"type": "function_call", "call_id": call.id, "name": name, "arguments": arguments})
            }));
        }
        Role::Tool => {
            for part in message.known_parts() {
                if let Part::ToolResult { id, text, .. } = part {
                    let (id, text) = (id.as_str(), text.as_str());
                    input.push(json!({"type": "function_call_output", "call_id": id, "output": text}));
                }
            }
        }
    }
    Ok(())
}
