//! Messages of the protocol as messages of ours. Refuses parts that are no text: nothing here could be done with them.

use harness_abi::{Message, Part, Role};
use serde_json::Value;

use crate::error::ApiError;

/// The conversation in a request: what stands above it, and its messages.
pub(crate) fn conversation(messages: &Value) -> Result<(String, Vec<Message>), ApiError> {
    let Some(list) = messages.as_array().filter(|list| !list.is_empty()) else {
        return Err(ApiError::invalid("messages", "`messages` must be a list of at least one message"));
    };
    let (mut system, mut all) = (Vec::new(), Vec::<Message>::new());
    for (number, message) in list.iter().enumerate() {
        let place = format!("messages[{number}]");
        match message["role"].as_str() {
            Some("system" | "developer") => system.push(text(&message["content"], &place)?),
            Some("user") => all.push(Message::user(text(&message["content"], &place)?)),
            Some("assistant") => all.push(assistant(message, &place)?),
            Some("tool") => all.push(result(message, &place, &all)?),
            _ => {
                let text = format!("`{place}.role` must be system, developer, user, assistant or tool");
                return Err(ApiError::invalid(place, text));
            }
        }
    }
    match all.last().map(Message::role) {
        Some(Role::User | Role::Tool) => Ok((system.join("\n\n"), all)),
        Some(_) => {
            Err(ApiError::invalid("messages", "the last message must be a user's or a tool's: it is what is answered"))
        }
        None => Err(ApiError::invalid("messages", "there is no message to answer beside the system's")),
    }
}

/// A string, or a list of text parts; nothing where it is null.
fn text(content: &Value, place: &str) -> Result<String, ApiError> {
    let param = || format!("{place}.content");
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        Value::Array(parts) => {
            let mut texts = Vec::with_capacity(parts.len());
            for part in parts {
                let text = match part["type"].as_str() {
                    Some("text") => part["text"].as_str(),
                    Some("refusal") => part["refusal"].as_str(),
                    other => {
                        let text = format!("`{}` has a part of type {other:?}; only text is understood", param());
                        return Err(ApiError::unsupported(param(), text));
                    }
                };
                let missing = || ApiError::invalid(param(), format!("`{}` has a part without its text", param()));
                texts.push(text.ok_or_else(missing)?);
            }
            Ok(texts.join("\n"))
        }
        _ => Err(ApiError::invalid(param(), format!("`{}` must be a string or a list of parts", param()))),
    }
}

fn assistant(message: &Value, place: &str) -> Result<Message, ApiError> {
    let mut calls = Vec::new();
    for (number, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let function = &call["function"];
        let (Some(id), Some(name)) = (call["id"].as_str(), function["name"].as_str()) else {
            let param = format!("{place}.tool_calls[{number}]");
            let text = format!("`{param}` needs an id and a function with a name");
            return Err(ApiError::invalid(param, text));
        };
        calls.push((id, name, function["arguments"].as_str().unwrap_or("{}")));
    }
    Ok(canonical(&text(&message["content"], place)?, calls))
}

/// What an assistant said, in the one form that is compared here.
pub(crate) fn canonical<'a>(text: &str, calls: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Message {
    let text = (!text.is_empty()).then(|| Part::text(text));
    let calls = calls.into_iter().map(|(id, name, arguments)| Part::tool_call(id, name, arguments));
    Message::new(Role::Assistant, text.into_iter().chain(calls))
}

fn result(message: &Value, place: &str, before: &[Message]) -> Result<Message, ApiError> {
    let param = format!("{place}.tool_call_id");
    let Some(id) = message["tool_call_id"].as_str() else {
        let text = format!("`{param}` must name the call it answers");
        return Err(ApiError::invalid(param, text));
    };
    if !before.iter().flat_map(Message::calls).any(|call| call.id == id) {
        let text = format!("`{param}` is {id:?}, and no message before it makes such a call");
        return Err(ApiError::invalid(param, text));
    }
    Ok(Message::tool_result(id, text(&message["content"], place)?, false))
}
