//! The pieces of a streamed chat completion → one reply. A reply that comes whole is one piece.

use harness_abi::{DeltaKind, Finish, ModuleError, TokenLogprob};
use serde_json::Value;

use crate::{
    http::{Read, Teller, excerpt, garbage, reported},
    prices::Tokens,
    reply::{Call, MOST_CALLS, NO_ID, Piece, Reply},
};

/// What has come so far.
#[derive(Debug, Default)]
pub struct Fold {
    text: String,
    reasoning: String,
    calls: Vec<Call>,
    tokens: Vec<TokenLogprob>,
    /// Numbers of all tokens, where the server lists them apart.
    token_ids: Vec<u32>,
    finish: Option<Finish>,
    usage: Option<Value>,
}

impl Read for Fold {
    fn event(&mut self, event: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            return Err(reported(error));
        }
        if let Some(usage) = event.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Some(usage.clone());
        }
        // The event that carries usage has no choices.
        let Some(choice) = event["choices"].get(0) else { return Ok(()) };
        let delta = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        let texts = |keys: [&str; 2]| keys.map(|key| delta[key].as_str().unwrap_or_default());
        // Two names for one thing; a server that uses both says it twice.
        if let Some(text) = texts(["reasoning_content", "reasoning"]).into_iter().find(|text| !text.is_empty()) {
            self.reasoning.push_str(text);
            teller.tell(DeltaKind::REASONING, text);
        }
        for text in texts(["content", "refusal"]) {
            self.text.push_str(text);
            teller.tell(DeltaKind::TEXT, text);
        }
        for (place, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
            self.call(place, call, teller)?;
        }
        self.tokens.extend(choice["logprobs"]["content"].as_array().into_iter().flatten().map(token));
        let ids = choice["token_ids"].as_array().into_iter().flatten();
        self.token_ids.extend(ids.map(|id| number(id).unwrap_or(NO_ID)));
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish = Some(match reason {
                "length" => Finish::LENGTH,
                "tool_calls" | "function_call" => Finish::TOOL_CALLS,
                "content_filter" => Finish::FILTERED,
                _ => Finish::STOP,
            });
        }
        Ok(())
    }

    fn whole(&mut self, body: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let known = body.get("error").is_some_and(|error| !error.is_null()) || body["choices"].get(0).is_some();
        if !known {
            return Err(garbage(format_args!("a body without choices: `{}`", excerpt(&body.to_string()))));
        }
        self.event(body, teller)
    }

    fn finished(&self) -> bool {
        // What follows a finish reason can only be usage.
        self.finish.is_some()
    }

    fn reply(&mut self) -> Reply {
        let mut tokens = std::mem::take(&mut self.tokens);
        if tokens.len() == self.token_ids.len() {
            tokens.iter_mut().zip(&self.token_ids).for_each(|(token, id)| token.id = *id);
        }
        let thought = std::mem::take(&mut self.reasoning);
        let mut pieces: Vec<Piece> = (!thought.is_empty()).then_some(Piece::Reasoning(thought)).into_iter().collect();
        pieces.push(Piece::Text(std::mem::take(&mut self.text)));
        pieces.extend(std::mem::take(&mut self.calls).into_iter().map(Piece::Call));
        let usage = self.usage.as_ref().map(usage).unwrap_or_default();
        Reply { pieces, finish: self.finish, tokens, usage, opaque: None }
    }
}

impl Fold {
    fn call(&mut self, place: usize, call: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let index = call["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(place);
        if index >= MOST_CALLS {
            return Err(garbage(format_args!("a reply with tool call number {index}")));
        }
        while self.calls.len() <= index {
            self.calls.push(Call::default());
        }
        let Some(known) = self.calls.get_mut(index) else { return Ok(()) };
        if let Some(id) = call["id"].as_str().filter(|id| !id.is_empty()) {
            id.clone_into(&mut known.id);
        }
        let function = &call["function"];
        known.name.push_str(function["name"].as_str().unwrap_or_default());
        let text = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            // Some servers send an object where the protocol wants its text.
            other => other.to_string(),
        };
        known.arguments.push_str(&text);
        teller.tell(DeltaKind::ARGUMENTS, &text);
        Ok(())
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

fn usage(usage: &Value) -> Tokens {
    let count = |value: &Value| value.as_u64();
    let input = count(&usage["prompt_tokens"]).unwrap_or(0);
    let cached = count(&usage["prompt_tokens_details"]["cached_tokens"]).or(count(&usage["prompt_cache_hit_tokens"]));
    let cached = cached.unwrap_or(0).min(input);
    Tokens { fresh: input - cached, cached, written: 0, output: count(&usage["completion_tokens"]).unwrap_or(0) }
}
