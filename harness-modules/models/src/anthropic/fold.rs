//! The events of a streamed message → one reply. A message that comes whole is the same blocks at once.

use std::collections::BTreeMap;

use harness_abi::{DeltaKind, Finish, ModuleError};
use serde_json::{Value, json};

use super::messages::OPAQUE;
use crate::{
    http::{Read, Teller, excerpt, garbage, reported},
    prices::Tokens,
    reply::{Call, MOST_CALLS, Piece, Reply},
};

/// What has come so far.
#[derive(Debug, Default)]
pub struct Fold {
    blocks: BTreeMap<u64, Block>,
    finish: Option<Finish>,
    usage: Tokens,
    over: bool,
}

#[derive(Debug)]
enum Block {
    Text(String),
    Thinking {
        text: String,
        signature: String,
    },
    /// A thought that is kept from us, as it must go back.
    Redacted(Value),
    Call(Call),
    /// One we have no word for, such as a search by the server.
    Other,
}

impl Read for Fold {
    fn event(&mut self, event: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.used(&event["message"]["usage"]),
            "content_block_start" => {
                let index = self.index(event)?;
                let block = begun(&event["content_block"], teller);
                self.blocks.insert(index, block);
            }
            "content_block_delta" => {
                let index = self.index(event)?;
                let block =
                    self.blocks.get_mut(&index).ok_or_else(|| garbage("a piece of a block that never began"))?;
                block.add(&event["delta"], teller);
            }
            "message_delta" => {
                self.stopped(&event["delta"]["stop_reason"]);
                self.used(&event["usage"]);
            }
            "message_stop" => self.over = true,
            "error" => return Err(reported(&event["error"])),
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
        let Some(blocks) = body["content"].as_array() else {
            return Err(garbage(format_args!("a body without content: `{}`", excerpt(&body.to_string()))));
        };
        self.blocks = (0..).zip(blocks.iter().map(|block| begun(block, teller))).collect();
        self.stopped(&body["stop_reason"]);
        self.used(&body["usage"]);
        self.over = true;
        Ok(())
    }

    fn finished(&self) -> bool {
        self.over || self.finish.is_some()
    }

    fn reply(&mut self) -> Reply {
        let mut sealed: Vec<Value> = Vec::new();
        let mut pieces = Vec::new();
        for block in std::mem::take(&mut self.blocks).into_values() {
            pieces.push(match block {
                Block::Text(text) => Piece::Text(text),
                Block::Thinking { text, signature } => {
                    sealed.push(signature.into());
                    Piece::Reasoning(text)
                }
                Block::Redacted(block) => {
                    sealed.push(block);
                    Piece::Reasoning(String::new())
                }
                Block::Call(call) => Piece::Call(call),
                Block::Other => continue,
            });
        }
        let opaque = (!sealed.is_empty()).then(|| json!({OPAQUE: sealed}));
        Reply { pieces, finish: self.finish, tokens: Vec::new(), usage: self.usage, opaque }
    }
}

impl Fold {
    fn index(&self, event: &Value) -> Result<u64, ModuleError> {
        const MOST: u64 = MOST_CALLS as u64 * 4;
        match event["index"].as_u64() {
            Some(index) if index < MOST => Ok(index),
            _ => Err(garbage(format_args!("a block number {}", event["index"]))),
        }
    }

    fn stopped(&mut self, reason: &Value) {
        if let Some(reason) = reason.as_str() {
            self.finish = Some(match reason {
                "max_tokens" | "model_context_window_exceeded" => Finish::LENGTH,
                "tool_use" => Finish::TOOL_CALLS,
                "refusal" => Finish::FILTERED,
                _ => Finish::STOP,
            });
        }
    }

    /// Figures come twice: at the start what was read, at the end what was written, each with what is known of the other.
    fn used(&mut self, usage: &Value) {
        for (name, count) in [
            ("input_tokens", &mut self.usage.fresh),
            ("cache_read_input_tokens", &mut self.usage.cached),
            ("cache_creation_input_tokens", &mut self.usage.written),
            ("output_tokens", &mut self.usage.output),
        ] {
            *count = usage[name].as_u64().unwrap_or(*count);
        }
    }
}

fn begun(block: &Value, teller: &mut Teller<'_>) -> Block {
    let text = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
    match block["type"].as_str() {
        Some("text") => {
            teller.tell(DeltaKind::TEXT, &text("text"));
            Block::Text(text("text"))
        }
        Some("thinking") => {
            teller.tell(DeltaKind::REASONING, &text("thinking"));
            Block::Thinking { text: text("thinking"), signature: text("signature") }
        }
        Some("redacted_thinking") => Block::Redacted(block.clone()),
        Some("tool_use") => {
            // A stream begins with an empty object and then writes it out.
            let arguments = match &block["input"] {
                Value::Object(input) if input.is_empty() => String::new(),
                Value::Null => String::new(),
                input => input.to_string(),
            };
            teller.tell(DeltaKind::ARGUMENTS, &arguments);
            Block::Call(Call { id: text("id"), name: text("name"), arguments })
        }
        _ => Block::Other,
    }
}

impl Block {
    fn add(&mut self, delta: &Value, teller: &mut Teller<'_>) {
        let piece = |key: &str| delta[key].as_str().unwrap_or_default();
        match (self, delta["type"].as_str().unwrap_or_default()) {
            (Self::Text(text), "text_delta") => {
                text.push_str(piece("text"));
                teller.tell(DeltaKind::TEXT, piece("text"));
            }
            (Self::Thinking { text, .. }, "thinking_delta") => {
                text.push_str(piece("thinking"));
                teller.tell(DeltaKind::REASONING, piece("thinking"));
            }
            (Self::Thinking { signature, .. }, "signature_delta") => signature.push_str(piece("signature")),
            (Self::Call(call), "input_json_delta") => {
                call.arguments.push_str(piece("partial_json"));
                teller.tell(DeltaKind::ARGUMENTS, piece("partial_json"));
            }
            _ => {}
        }
    }
}
