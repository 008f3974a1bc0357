//! The pieces of a streamed chat completion → one reply. A reply that comes whole is one piece.

use std::collections::BTreeSet;

use harness_abi::{DeltaKind, Finish, ModuleError, TokenLogprob};
use serde_json::Value;

use crate::{
    http::{Progress, Read, Teller, excerpt, garbage, unknown, unsupported},
    prices::Tokens,
    reply::{Calls, NO_ID, Piece, Reply, content, reason},
};

/// Names under which servers give thoughts. One that uses two says it twice.
const THOUGHTS: [&str; 5] = ["reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details"];
/// What a message may hold beside its content, and what says nothing of it.
const BESIDE: [&str; 10] = [
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "tool_call_id",
    "name",
    "annotations",
    "token_ids",
    "reasoning_signature",
];
/// Content that is neither text nor a call.
const MEDIA: [&str; 5] = ["audio", "image", "images", "video", "file"];

/// What has come so far.
#[derive(Debug, Default)]
pub struct Fold {
    text: String,
    reasoning: String,
    calls: Calls,
    /// The one call of servers that speak the protocol's first version.
    old_call: Calls,
    tokens: Vec<TokenLogprob>,
    /// Numbers of all tokens, where the server lists them apart.
    token_ids: Vec<u32>,
    finish: Option<Finish>,
    usage: Usage,
    /// Fields of the message that nobody here knows.
    unknown: BTreeSet<String>,
}

/// Figures, each as it was last told.
#[derive(Debug, Default)]
struct Usage {
    read: Option<u64>,
    cached: Option<u64>,
    written: Option<u64>,
}

impl Read for Fold {
    fn event(&mut self, event: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let choices = event["choices"].as_array().map(Vec::as_slice);
        let used = self.used(event);
        let Some(choices) = choices else {
            // The event that carries figures may have no choices.
            return if used && event["choices"].is_null() { Ok(()) } else { Err(unknown("the event", event)) };
        };
        for (place, choice) in choices.iter().enumerate().filter(|(_, choice)| !choice.is_null()) {
            let index = content::place(choice, "index")?.unwrap_or(place as u64);
            if index > 0 {
                return Err(unsupported("a second choice"));
            }
            if let Some(error) = crate::http::inside(choice, false) {
                return Err(error);
            }
            self.used(choice);
            self.choice(choice, teller)?;
        }
        Ok(())
    }

    fn whole(&mut self, body: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        if body["choices"].get(0).is_none_or(Value::is_null) {
            return Err(unknown("a body without choices", body));
        }
        self.event(body, teller)
    }

    fn progress(&self) -> Progress {
        // What follows a finish reason can only be usage.
        if self.finish.is_some() { Progress::Complete } else { Progress::Begun }
    }

    fn may_stop(&self) -> bool {
        // The protocol's own last word, also of a reply that names no reason.
        true
    }

    fn reply(&mut self) -> Result<Reply, ModuleError> {
        let mut tokens = std::mem::take(&mut self.tokens);
        if tokens.len() == self.token_ids.len() {
            tokens.iter_mut().zip(&self.token_ids).for_each(|(token, id)| token.id = *id);
        }
        let mut calls = self.calls.take();
        for old in self.old_call.take() {
            // Some servers say a call in both versions.
            if !calls.iter().any(|call| call.name == old.name && call.arguments == old.arguments) {
                calls.push(old);
            }
        }
        let (thought, text) = (std::mem::take(&mut self.reasoning), std::mem::take(&mut self.text));
        if thought.is_empty() && text.is_empty() && calls.is_empty() && !self.unknown.is_empty() {
            let names: Vec<String> = self.unknown.iter().take(4).map(|name| format!("`{}`", excerpt(name))).collect();
            return Err(unsupported(format_args!("nothing but fields it does not know ({})", names.join(", "))));
        }
        let mut pieces: Vec<Piece> = (!thought.is_empty()).then_some(Piece::Reasoning(thought)).into_iter().collect();
        pieces.push(Piece::Text(text));
        pieces.extend(calls.into_iter().map(Piece::Call));
        let usage = self.usage.tokens();
        Ok(Reply { pieces, finish: self.finish, tokens, usage, opaque: None })
    }
}

impl Fold {
    fn choice(&mut self, choice: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let given = |key: &str| choice.get(key).filter(|value| !value.is_null());
        // Some servers repeat the whole message at the end of a stream.
        let repeated = given("message").filter(|_| self.begun() && given("delta").is_none());
        if let Some(message) = repeated {
            let mut said = String::new();
            content::read(&message["content"], DeltaKind::TEXT, &mut |kind, text| {
                said.push_str(if kind == DeltaKind::TEXT { text } else { "" });
            })?;
            if !said.is_empty() && said != self.text {
                return Err(garbage("a message that is not what its pieces were"));
            }
        } else if let Some(delta) = given("delta").or_else(|| given("message")) {
            self.message(delta, teller)?;
            if let Some(message) = given("message").filter(|_| given("delta").is_some() && !self.begun()) {
                self.message(message, teller)?;
            }
        } else {
            // The older protocol of plain completions.
            self.said(&choice["text"], DeltaKind::TEXT, teller)?;
        }
        self.tokens.extend(choice["logprobs"]["content"].as_array().into_iter().flatten().map(token));
        let ids = choice["token_ids"].as_array().into_iter().flatten();
        self.token_ids.extend(ids.map(|id| number(id).unwrap_or(NO_ID)));
        self.finish = reason(&choice["finish_reason"])?.or(self.finish);
        Ok(())
    }

    fn begun(&self) -> bool {
        !(self.text.is_empty() && self.reasoning.is_empty() && self.calls.is_empty() && self.old_call.is_empty())
    }

    /// Takes in a message or a piece of one.
    fn message(&mut self, delta: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let Some(fields) = delta.as_object() else {
            return Err(garbage(format_args!("the message `{}`", excerpt(&delta.to_string()))));
        };
        self.used(delta);
        let full = |value: &&Value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(object) => !object.is_empty(),
            _ => false,
        };
        if let Some(thought) = THOUGHTS.iter().filter_map(|key| fields.get(*key)).find(full) {
            self.said(thought, DeltaKind::REASONING, teller)?;
        }
        for key in ["content", "refusal"] {
            self.said(&delta[key], DeltaKind::TEXT, teller)?;
        }
        match &delta["tool_calls"] {
            Value::Null => {}
            Value::Array(calls) => {
                for (place, call) in calls.iter().enumerate() {
                    teller.tell(DeltaKind::ARGUMENTS, &self.calls.add(place, call)?);
                }
            }
            call @ Value::Object(_) => teller.tell(DeltaKind::ARGUMENTS, &self.calls.add(0, call)?),
            other => return Err(garbage(format_args!("`{}` as tool calls", excerpt(&other.to_string())))),
        }
        if delta["function_call"].is_object() {
            teller.tell(DeltaKind::ARGUMENTS, &self.old_call.add(0, &delta["function_call"])?);
        }
        for (key, _) in fields.iter().filter(|(_, value)| full(value)) {
            if MEDIA.contains(&key.as_str()) {
                return Err(unsupported(format_args!("`{key}`")));
            }
            if !BESIDE.contains(&key.as_str()) && !THOUGHTS.contains(&key.as_str()) {
                self.unknown.insert(key.clone());
            }
        }
        Ok(())
    }

    fn said(&mut self, value: &Value, kind: DeltaKind, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        content::read(value, kind, &mut |kind, text| {
            if kind == DeltaKind::TEXT {
                self.text.push_str(text)
            } else {
                self.reasoning.push_str(text)
            }
            teller.tell(kind, text);
        })
    }

    /// Takes in figures, wherever they stand; gives whether there were some.
    fn used(&mut self, holder: &Value) -> bool {
        let usage = [&holder["usage"], &holder["x_groq"]["usage"]].into_iter().find(|usage| usage.is_object());
        let Some(usage) = usage else { return false };
        let count = |keys: &[&Value]| keys.iter().find_map(|value| content::figure(value));
        let Usage { read, cached, written } = &mut self.usage;
        *read = count(&[&usage["prompt_tokens"], &usage["input_tokens"]]).or(*read);
        *written = count(&[&usage["completion_tokens"], &usage["output_tokens"]]).or(*written);
        let details = &usage["prompt_tokens_details"]["cached_tokens"];
        *cached = count(&[details, &usage["prompt_cache_hit_tokens"], &usage["cached_tokens"]]).or(*cached);
        true
    }
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let read = self.read.unwrap_or(0);
        let cached = self.cached.unwrap_or(0).min(read);
        Tokens { fresh: read - cached, cached, written: 0, output: self.written.unwrap_or(0) }
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// A token: llama.cpp adds its `id`, vLLM writes `token_id:N` when asked to.
pub fn token(token: &Value) -> TokenLogprob {
    let written = || token["token"].as_str().and_then(|text| text.strip_prefix("token_id:")?.parse().ok());
    let id = number(&token["id"]).or_else(written).unwrap_or(NO_ID);
    // JSON has no infinity, and a record is JSON.
    TokenLogprob { id, logprob: token["logprob"].as_f64().unwrap_or(f64::MIN) }
}
