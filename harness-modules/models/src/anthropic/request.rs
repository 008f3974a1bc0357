//! Our request → the body of a message. Refuses what the protocol has no words for, by name.

use harness_abi::{ChatRequest, Constraint, ModuleError, Sampling, ToolSpec};
use serde_json::{Map, Value, json};

use super::{
    config::{Config, Structured},
    messages::{Conversation, mark},
};
use crate::{
    openai::{choice_schema, no_words},
    reply::{Asked, Expected, Ids, Names},
};

/// The tool whose arguments are the reply where JSON is asked for.
const ANSWER: &str = "answer";

/// Writes `request`.
pub fn write(config: &Config, request: &ChatRequest<'_>) -> Result<(Value, Asked), ModuleError> {
    let (tools, sampling) = (request.tools()?, request.sampling()?);
    let names = Names::new(tools.iter().map(|tool| tool.name.as_str()));
    let service = &config.service;
    let mut conversation = Conversation::default();
    for message in request.messages.as_slice() {
        conversation.push(message, &names)?;
    }
    let mut body = Map::new();
    body.insert("model".into(), service.model.as_str().into());
    body.insert("max_tokens".into(), sampling.max_tokens.saturating_add(config.thinking_tokens).into());
    sample(config, &sampling, &mut body)?;
    if !sampling.stop.is_empty() {
        body.insert("stop_sequences".into(), sampling.stop.clone().into());
    }
    if service.stream {
        body.insert("stream".into(), true.into());
    }
    let mut offered: Vec<Value> = Vec::new();
    let (expected, answer) = constrain(config, request.constraint()?, &tools, &mut body)?;
    let empty = matches!(expected, Expected::Call { arguments: false });
    offered.extend(tools.iter().map(|tool| {
        let schema = if empty { json!({"type": "object", "properties": {}}) } else { tool.input_schema.clone() };
        json!({"name": names.theirs(&tool.name), "description": tool.description, "input_schema": schema})
    }));
    let answer_tool = answer.map(|schema| {
        let name = names.spare(ANSWER);
        offered.push(json!({"name": name, "description": "Gives the answer.", "input_schema": schema}));
        body.insert("tool_choice".into(), json!({"type": "tool", "name": name, "disable_parallel_tool_use": true}));
        name
    });
    if config.cache {
        // Tools, then the system prompt, then messages: a mark on the prompt covers the tools before it.
        match conversation.system.last_mut() {
            Some(block) => mark(block),
            None => offered.last_mut().into_iter().for_each(mark),
        }
        conversation.mark_last();
    }
    if !offered.is_empty() {
        body.insert("tools".into(), offered.into());
    }
    conversation.write(&mut body);
    body.extend(service.extra_body.clone());
    let ids = Ids::of(request.messages.as_slice());
    Ok((body.into(), Asked { names, expected, answer_tool, ids, seed: sampling.seed }))
}

/// Sampling in this protocol's words: it knows no seed.
fn sample(config: &Config, sampling: &Sampling, body: &mut Map<String, Value>) -> Result<(), ModuleError> {
    if config.thinking_tokens > 0 {
        // The protocol wants its own sampling for thinking.
        body.insert("thinking".into(), json!({"type": "enabled", "budget_tokens": config.thinking_tokens}));
        return Ok(());
    }
    if !config.service.send_sampling {
        return Ok(());
    }
    if sampling.temperature > 1.0 {
        return Err(ModuleError::unsupported(format_args!(
            "this protocol has temperatures from 0 to 1, not {}; lower sampling.temperature",
            sampling.temperature
        )));
    }
    body.insert("temperature".into(), sampling.temperature.into());
    // Newer models refuse both at once, and 1 says nothing.
    if sampling.top_p < 1.0 {
        body.insert("top_p".into(), sampling.top_p.into());
    }
    Ok(())
}

/// What is expected, and the schema of the answering tool where one is needed.
fn constrain(
    config: &Config,
    constraint: Constraint,
    tools: &[ToolSpec],
    body: &mut Map<String, Value>,
) -> Result<(Expected, Option<Value>), ModuleError> {
    let (expected, schema) = match constraint {
        Constraint::Free => return Ok((Expected::Free, None)),
        Constraint::ToolCall { .. } if tools.is_empty() => {
            return Err(ModuleError::input("a tool call is asked for, but the request has no tools; show one"));
        }
        Constraint::ToolCall { .. } if config.thinking_tokens > 0 => return Err(thinks()),
        Constraint::ToolCall { arguments } => {
            body.insert("tool_choice".into(), json!({"type": "any", "disable_parallel_tool_use": true}));
            return Ok((Expected::Call { arguments }, None));
        }
        Constraint::Choice { choices } if choices.is_empty() => {
            return Err(ModuleError::input("the choice of the request is empty; it needs at least one string"));
        }
        Constraint::Choice { choices } => {
            let schema = choice_schema(&choices);
            (Expected::Choice { choices, wrapped: true }, schema)
        }
        Constraint::JsonSchema { schema } => (Expected::Json, schema),
        other => return Err(no_words("Messages", &other)),
    };
    match config.structured {
        Structured::Refuse => Err(ModuleError::unsupported(
            "this model is configured to refuse JSON; set `structured` to tool or output_config if its server knows one",
        )),
        Structured::OutputConfig => {
            body.insert("output_config".into(), json!({"format": {"type": "json_schema", "schema": schema}}));
            Ok((expected, None))
        }
        Structured::Tool if config.thinking_tokens > 0 => Err(thinks()),
        Structured::Tool if schema["type"] != "object" => Err(ModuleError::unsupported(
            "the arguments of a tool are an object, and the schema asked for is of another type; wrap it in an object, or set structured = \"output_config\"",
        )),
        Structured::Tool => Ok((expected, Some(schema))),
    }
}

fn thinks() -> ModuleError {
    ModuleError::unsupported(
        "this protocol forces no tool on a model that thinks; set thinking_tokens = 0, or structured = \"output_config\" for JSON",
    )
}
