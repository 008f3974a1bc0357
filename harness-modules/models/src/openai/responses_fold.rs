//! The events of a response → one reply. Text is told as it comes; what counts is the list of items, which each come whole in the end.

use std::collections::BTreeMap;

use harness_abi::{DeltaKind, Finish, ModuleError, TokenLogprob};
use serde_json::{Value, json};

use super::{chat_fold::token, responses::OPAQUE};
use crate::{
    http::{Read, Teller, excerpt, garbage, reported},
    prices::Tokens,
    reply::{Call, MOST_CALLS, Piece, Reply},
};

/// What has come so far.
#[derive(Debug, Default)]
pub struct Fold {
    /// Items that are complete, by their place.
    items: BTreeMap<u64, Value>,
    /// The response, when it is over.
    response: Option<Value>,
}

impl Read for Fold {
    fn event(&mut self, event: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let delta = event["delta"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" | "response.refusal.delta" => teller.tell(DeltaKind::TEXT, delta),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                teller.tell(DeltaKind::REASONING, delta);
            }
            "response.function_call_arguments.delta" => teller.tell(DeltaKind::ARGUMENTS, delta),
            "response.output_item.done" => {
                let place = event["output_index"].as_u64().unwrap_or(self.items.len() as u64);
                self.items.insert(place, event["item"].clone());
                if self.items.len() > MOST_CALLS * 4 {
                    return Err(garbage(format_args!("a reply of more than {} items", MOST_CALLS * 4)));
                }
            }
            "response.completed" | "response.incomplete" => self.response = Some(event["response"].clone()),
            "response.failed" => return Err(reported(&event["response"]["error"])),
            "error" => return Err(reported(event.get("error").filter(|error| error.is_object()).unwrap_or(event))),
            // Some servers put an error into a stream as it is.
            _ if event.get("error").is_some_and(|error| !error.is_null()) => return Err(reported(&event["error"])),
            _ => {}
        }
        Ok(())
    }

    fn whole(&mut self, body: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
            return Err(reported(error));
        }
        let Some(items) = body["output"].as_array() else {
            return Err(garbage(format_args!("a body without output: `{}`", excerpt(&body.to_string()))));
        };
        for piece in items.iter().flat_map(pieces) {
            match piece {
                Piece::Text(text) => teller.tell(DeltaKind::TEXT, &text),
                Piece::Reasoning(text) => teller.tell(DeltaKind::REASONING, &text),
                Piece::Call(call) => teller.tell(DeltaKind::ARGUMENTS, &call.arguments),
            }
        }
        self.response = Some(body.clone());
        Ok(())
    }

    fn finished(&self) -> bool {
        self.response.is_some()
    }

    fn reply(&mut self) -> Reply {
        let response = self.response.take().unwrap_or_default();
        let mut items: Vec<Value> = std::mem::take(&mut self.items).into_values().collect();
        if let Some(output) = response["output"].as_array().filter(|output| !output.is_empty()) {
            items.clone_from(output);
        }
        let finish = match response["incomplete_details"]["reason"].as_str() {
            Some("content_filter") => Finish::FILTERED,
            Some(_) => Finish::LENGTH,
            None => Finish::STOP,
        };
        let sealed = |item: &&Value| item["type"] == "reasoning" && item["encrypted_content"].is_string();
        let sealed: Vec<&Value> = items.iter().filter(sealed).collect();
        let opaque = (!sealed.is_empty()).then(|| json!({OPAQUE: sealed}));
        let tokens = items.iter().flat_map(|item| item["content"].as_array().into_iter().flatten());
        let tokens: Vec<TokenLogprob> =
            tokens.flat_map(|part| part["logprobs"].as_array().into_iter().flatten()).map(token).collect();
        let usage = usage(&response["usage"]);
        Reply { pieces: items.iter().flat_map(pieces).collect(), finish: Some(finish), tokens, usage, opaque }
    }
}

/// What an item adds to the message.
fn pieces(item: &Value) -> Vec<Piece> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| item[key].as_array().into_iter().flatten();
    match item["type"].as_str() {
        Some("message") => list("content")
            .map(|part| {
                Piece::Text(if part["type"] == "refusal" { text(&part["refusal"]) } else { text(&part["text"]) })
            })
            .collect(),
        Some("reasoning") => {
            let thought: Vec<String> = list("summary").chain(list("content")).map(|part| text(&part["text"])).collect();
            let thought = thought.join("\n");
            (!thought.is_empty()).then_some(Piece::Reasoning(thought)).into_iter().collect()
        }
        Some("function_call") => {
            let id = item["call_id"].as_str().or_else(|| item["id"].as_str()).unwrap_or_default();
            let arguments = match &item["arguments"] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            vec![Piece::Call(Call { id: id.to_owned(), name: text(&item["name"]), arguments })]
        }
        _ => Vec::new(),
    }
}

fn usage(usage: &Value) -> Tokens {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let input = count(&usage["input_tokens"]);
    let cached = count(&usage["input_tokens_details"]["cached_tokens"]).min(input);
    Tokens { fresh: input - cached, cached, written: 0, output: count(&usage["output_tokens"]) }
}
