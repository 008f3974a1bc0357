//! The pieces of a streamed reply → one reply. A reply that comes whole is one piece.

use harness_abi::{
    ChatReply, DeltaKind, ErrorClass, Finish, Message, ModuleError, Part, ReplyExtra, Role, TokenLogprob, Usage,
    stable::RString,
};
use serde_json::Value;

use super::config::Config;
use super::exchange::Listener;
use super::names::Names;
use super::request::Expected;
use super::server;

/// Stands where a server gives no number of a token: the protocol has none.
const NO_ID: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

/// What has come so far.
#[derive(Debug, Default)]
pub struct Fold {
    text: String,
    reasoning: String,
    calls: Vec<Call>,
    tokens: Vec<TokenLogprob>,
    finish: Option<Finish>,
    usage: Option<Value>,
    /// Whether the host has been told of a piece: then the exchange cannot begin again.
    pub told: bool,
}

impl Fold {
    /// Takes in a piece: an event's data or a whole body. `false`: the host wants no more.
    pub fn push(&mut self, piece: &Value, listener: &impl Listener) -> Result<bool, ModuleError> {
        if let Some(error) = piece.get("error").filter(|error| !error.is_null()) {
            return Err(server::reported(error));
        }
        if let Some(usage) = piece.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Some(usage.clone());
        }
        // The piece that carries usage has no choices.
        let Some(choice) = piece["choices"].get(0) else { return Ok(true) };
        let delta = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        let mut on = true;
        for key in ["reasoning_content", "reasoning"] {
            if let Some(text) = delta[key].as_str().filter(|text| !text.is_empty()) {
                self.reasoning.push_str(text);
                on &= self.tell(listener, DeltaKind::REASONING, text);
                break;
            }
        }
        for key in ["content", "refusal"] {
            if let Some(text) = delta[key].as_str().filter(|text| !text.is_empty()) {
                self.text.push_str(text);
                on &= self.tell(listener, DeltaKind::TEXT, text);
            }
        }
        for (place, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
            on &= self.call(place, call, listener)?;
        }
        for token in choice["logprobs"]["content"].as_array().into_iter().flatten() {
            let id = token["token"].as_str().and_then(|text| text.strip_prefix("token_id:")?.parse().ok());
            let logprob = token["logprob"].as_f64().unwrap_or(f64::NEG_INFINITY);
            self.tokens.push(TokenLogprob { id: id.unwrap_or(NO_ID), logprob });
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish = Some(match reason {
                "length" => Finish::LENGTH,
                "tool_calls" | "function_call" => Finish::TOOL_CALLS,
                "content_filter" => Finish::FILTERED,
                _ => Finish::STOP,
            });
        }
        Ok(on)
    }

    fn call(&mut self, place: usize, call: &Value, listener: &impl Listener) -> Result<bool, ModuleError> {
        const MOST: usize = 128;
        let index = call["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(place);
        if index >= MOST {
            return Err(garbage(format_args!("a reply with tool call number {index}")));
        }
        while self.calls.len() <= index {
            self.calls.push(Call::default());
        }
        let Some(known) = self.calls.get_mut(index) else { return Ok(true) };
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
        Ok(text.is_empty() || self.tell(listener, DeltaKind::ARGUMENTS, &text))
    }

    fn tell(&mut self, listener: &impl Listener, kind: DeltaKind, text: &str) -> bool {
        self.told = true;
        listener.delta(kind, text)
    }

    /// Whether a finish reason has come: what follows can only be usage.
    pub const fn finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The reply, shaped and checked against what was expected.
    pub fn reply(self, config: &Config, expected: &Expected, names: &Names) -> Result<ChatReply, ModuleError> {
        let mut finish = self.finish.unwrap_or(Finish::STOP);
        let mut parts = Vec::new();
        if !self.reasoning.is_empty() {
            parts.push(Part::Reasoning { text: self.reasoning.into() });
        }
        let text = shaped(self.text, expected, finish)?;
        if !text.is_empty() {
            parts.push(Part::text(text));
        }
        let wanted = if matches!(expected, Expected::Call { .. }) { 1 } else { usize::MAX };
        let calls = self.calls.into_iter().filter(|call| !call.name.is_empty()).take(wanted).enumerate();
        let calls: Vec<Part> = calls
            .map(|(place, call)| {
                let id = if call.id.is_empty() { format!("call-{place}") } else { call.id };
                let own = !matches!(expected, Expected::Call { arguments: false }) && !call.arguments.is_empty();
                Part::tool_call(id, names.ours(&call.name), if own { call.arguments } else { "{}".to_owned() })
            })
            .collect();
        if matches!(expected, Expected::Call { .. }) && calls.is_empty() {
            return Err(ignored("`tool_choice: required`", "no call"));
        }
        if !calls.is_empty() && finish == Finish::STOP {
            finish = Finish::TOOL_CALLS;
        }
        parts.extend(calls);
        let usage = self.usage.as_ref().map(|usage| self::usage(usage, config)).unwrap_or_default();
        let reply = ChatReply { message: Message::new(Role::Assistant, parts), finish, usage, extra: RString::new() };
        if self.tokens.is_empty() {
            return Ok(reply);
        }
        Ok(reply.with_extra(&ReplyExtra { tokens: self.tokens, ..ReplyExtra::default() }))
    }
}

/// The text as the constraint means it.
fn shaped(text: String, expected: &Expected, finish: Finish) -> Result<String, ModuleError> {
    match expected {
        Expected::Choice { choices, wrapped } => {
            let chosen = if *wrapped {
                let value: Option<Value> = serde_json::from_str(&text).ok();
                value.and_then(|value| value["choice"].as_str().map(str::to_owned))
            } else {
                Some(text.trim().to_owned())
            };
            match chosen.filter(|chosen| choices.contains(chosen)) {
                Some(chosen) => Ok(chosen),
                None => Err(ignored("the choice", &text)),
            }
        }
        // Cut off by the limit of tokens, it says so by its finish.
        Expected::Json if finish != Finish::LENGTH && serde_json::from_str::<Value>(&text).is_err() => {
            Err(ignored("the JSON schema", &text))
        }
        _ => Ok(text),
    }
}

fn usage(usage: &Value, config: &Config) -> Usage {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let (input_tokens, output_tokens) = (count(&usage["prompt_tokens"]), count(&usage["completion_tokens"]));
    let cached_tokens = count(&usage["prompt_tokens_details"]["cached_tokens"]).min(input_tokens);
    #[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^53")]
    let real = |count: u64| count as f64;
    // Dollars a million tokens are millionths of a dollar a token.
    let cost = real(input_tokens - cached_tokens) * config.input_price
        + real(cached_tokens) * config.cached_price
        + real(output_tokens) * config.output_price;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "prices are not negative, and the cast saturates"
    )]
    let cost_micros = cost.ceil() as u64;
    Usage { input_tokens, cached_tokens, output_tokens, cost_micros }
}

/// The error for a server that did not do what was asked in so many words.
fn ignored(what: &str, got: &str) -> ModuleError {
    let got: String = got.chars().take(200).collect();
    ModuleError::unsupported(format_args!(
        "the server did not keep to {what} and replied `{got}`; use a server that does, or another constraint"
    ))
}

/// The error for bytes that are no chat completion.
pub fn garbage(what: impl std::fmt::Display) -> ModuleError {
    ModuleError::new(
        ErrorClass::UNAVAILABLE,
        format_args!("the server sent {what}, which is no chat completion; check that `base_url` is one's"),
    )
}
