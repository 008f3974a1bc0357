//! Conversations with tools as the model's chat template takes them, and back.
//!
//! A template that knows of tools is given tools, calls and results as such. For one that does not, tools are
//! listed in the system message, a call is written `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, a result
//! `<tool_response>…</tool_response>`. Calls in other spellings (a fenced block of JSON, say) are text here: reading
//! those is a processor's, which works for every model.

use crate::engine::template;
use harness_abi::{Message, Part, Role, ToolSpec};
use serde_json::{Value, json};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// The conversation for a template that knows of tools.
pub fn structured(messages: &[Message]) -> Vec<template::Message> {
    let call = |name: &str, arguments: &str| {
        let arguments: Value = serde_json::from_str(arguments).unwrap_or_else(|_| arguments.into());
        let arguments = if arguments == "" { json!({}) } else { arguments };
        json!({"type": "function", "function": {"name": name, "arguments": arguments}})
    };
    let message = |message: &Message| template::Message {
        role: role(message.role(), "tool").into(),
        content: message.text().into_owned(),
        tool_calls: message.calls().map(|made| call(made.name, made.arguments)).collect(),
    };
    messages.iter().map(message).collect()
}

/// The tools for a template that knows of tools, as chat completions write them.
pub fn offered(tools: &[ToolSpec]) -> Value {
    let tool = |tool: &ToolSpec| json!({"type": "function", "function": described(tool)});
    if tools.is_empty() { Value::Null } else { tools.iter().map(tool).collect() }
}

/// The conversation for a template that knows of none. The tools are described in the system message.
pub fn conversation(messages: &[Message], tools: &[ToolSpec]) -> Vec<template::Message> {
    let mut out: Vec<template::Message> = messages.iter().map(plain).collect();
    if !tools.is_empty() {
        let text = describe(tools);
        match out.first_mut().filter(|m| m.role == "system") {
            Some(system) => system.content = format!("{}\n\n{text}", system.content),
            None => out.insert(0, template::Message { role: "system".into(), content: text, ..Default::default() }),
        }
    }
    out
}

fn role(role: Role, of_results: &'static str) -> &'static str {
    match role {
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::User => "user",
        Role::Tool => of_results,
    }
}

fn plain(message: &Message) -> template::Message {
    let mut content = message.text().into_owned();
    if message.role() == Role::Tool {
        content = format!("<tool_response>\n{content}\n</tool_response>");
    }
    for call in message.calls() {
        let head = opening(OPEN, call.name);
        let arguments = if call.arguments.is_empty() { "{}" } else { call.arguments };
        let gap = if content.is_empty() { "" } else { "\n" };
        content.push_str(&format!("{gap}{head} {arguments}}}{CLOSE}"));
    }
    template::Message { role: role(message.role(), "user").into(), content, ..Default::default() }
}

/// What the model is told about its tools.
fn describe(tools: &[ToolSpec]) -> String {
    let mut text = String::from("You can call these tools:\n<tools>\n");
    for tool in tools {
        text.push_str(&format!("{}\n", described(tool)));
    }
    text.push_str("</tools>\nTo call a tool, reply with ");
    text.push_str(OPEN);
    text.push_str("{\"name\": \"...\", \"arguments\": {...}}");
    text.push_str(CLOSE);
    text
}

fn described(tool: &ToolSpec) -> Value {
    json!({"name": tool.name, "description": tool.description, "parameters": tool.input_schema})
}

/// What a call begins with: where the template knows of tools it writes a line end after the tag.
pub fn tag(template_knows_tools: bool) -> &'static str {
    if template_knows_tools { "<tool_call>\n" } else { OPEN }
}

/// The beginning of a call, up to where its arguments go.
pub fn opening(tag: &str, name: &str) -> String {
    format!("{}, \"arguments\":", naming(tag, name))
}

/// The beginning of a call, up to the end of the tool's name.
pub fn naming(tag: &str, name: &str) -> String {
    format!("{tag}{{\"name\": {}", Value::from(name))
}

/// Text and calls of a free reply: marked calls, or a reply that is nothing but one call's JSON.
/// What does not name an offered tool stays text.
pub fn parse(reply: &str, tools: &[ToolSpec]) -> Vec<Part> {
    let (mut text, mut calls) = (String::new(), Vec::new());
    let mut rest = reply;
    while let Some(at) = rest.find(OPEN) {
        let inner = &rest[at + OPEN.len()..];
        let end = inner.find(CLOSE).unwrap_or(inner.len());
        match call(&inner[..end], tools, calls.len()) {
            Some(part) => {
                text.push_str(&rest[..at]);
                calls.push(part);
            }
            None => text.push_str(&rest[..at + OPEN.len() + end + CLOSE.len().min(inner.len() - end)]),
        }
        rest = inner.get(end + CLOSE.len()..).unwrap_or("");
    }
    text.push_str(rest);
    if calls.is_empty()
        && let Some(part) = call(&text, tools, 0)
    {
        return vec![part];
    }
    let text = if calls.is_empty() { text.as_str() } else { text.trim() };
    let text = (!text.is_empty() || calls.is_empty()).then(|| Part::text(text));
    text.into_iter().chain(calls).collect()
}

fn call(json: &str, tools: &[ToolSpec], index: usize) -> Option<Part> {
    let value: Value = serde_json::from_str(json.trim()).ok()?;
    let name = value.get("name")?.as_str()?;
    tools.iter().find(|t| t.name == name)?;
    let arguments = value.get("arguments").or_else(|| value.get("parameters"))?;
    arguments.as_object()?;
    Some(Part::tool_call(format!("call-{index}"), name, arguments.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "look".into(),
            description: "Look.".into(),
            input_schema: json!({"type": "object"}),
            read_only: true,
            idempotent: true,
        }]
    }

    #[test]
    fn calls_are_read_back_as_they_are_written() {
        let call = Part::tool_call("call-0", "look", "{\"at\":1}");
        let message = Message::new(Role::Assistant, [Part::text("So:"), call]);
        let written = plain(&message).content;
        assert_eq!(written, "So:\n<tool_call>{\"name\": \"look\", \"arguments\": {\"at\":1}}</tool_call>");
        let read = Message::new(Role::Assistant, parse(&written, &tools()));
        assert_eq!(read, message);
        let bare = Message::new(Role::Assistant, parse("{\"name\": \"look\", \"arguments\": {}}", &tools()));
        assert_eq!(bare.calls().count(), 1);
    }

    #[test]
    fn what_is_no_call_stays_text() {
        for text in [
            "hello",
            "<tool_call>{\"name\": \"run\", \"arguments\": {}}</tool_call>",
            "<tool_call>{",
            "{\"name\": 1}",
            "",
        ] {
            assert_eq!(Message::new(Role::Assistant, parse(text, &tools())), Message::assistant(text), "{text}");
        }
    }
}
