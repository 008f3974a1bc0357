//! The events of a streamed message → one reply. A message that comes whole is the same blocks at once.

use harness_abi::{DeltaKind, Finish, ModuleError};
use serde_json::{Value, json};

use super::messages::OPAQUE;
use crate::{
    http::{Progress, Read, Teller, excerpt, garbage, unknown, unsupported},
    prices::Tokens,
    reply::{Call, MOST_CALLS, Piece, Reply, content, reason},
};

/// Blocks a reply may have.
const MOST_BLOCKS: u64 = MOST_CALLS as u64 * 4;

/// What has come so far.
#[derive(Debug, Default)]
pub struct Fold {
    /// With their places. Several of one place are several blocks.
    blocks: Vec<(u64, Block)>,
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
    /// A call, and whether its arguments are those it began with: pieces take their place.
    Call(Call, bool),
}

impl Read for Fold {
    fn event(&mut self, event: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.used(&event["message"]["usage"]),
            "content_block_start" => {
                let next = self.blocks.iter().map(|(place, _)| place + 1).max().unwrap_or(0);
                let index = self.index(event)?.unwrap_or(next);
                if self.blocks.len() as u64 >= MOST_BLOCKS {
                    return Err(garbage(format_args!("a reply of more than {MOST_BLOCKS} blocks")));
                }
                self.blocks.push((index, begun(&event["content_block"], teller)?));
            }
            "content_block_delta" => {
                let index = self.index(event)?;
                let block = self.blocks.iter_mut().rfind(|(place, _)| index.is_none_or(|index| *place == index));
                let (_, block) = block.ok_or_else(|| garbage("a piece of a block that never began"))?;
                block.add(&event["delta"], teller)?;
            }
            "message_delta" => {
                self.stopped(&event["delta"]["stop_reason"])?;
                self.used(&event["delta"]["usage"]);
                self.used(&event["usage"]);
            }
            "message_stop" => {
                self.used(&event["usage"]);
                self.over = true;
            }
            "content_block_stop" => {}
            // Some servers send the whole message as the one event.
            "message" => return self.whole(event, teller),
            _ => return Err(unknown("the event", event)),
        }
        Ok(())
    }

    fn whole(&mut self, body: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        match &body["content"] {
            Value::Array(blocks) => {
                for (place, block) in (0..).zip(blocks) {
                    self.blocks.push((place, begun(block, teller)?));
                }
            }
            Value::String(text) => {
                teller.tell(DeltaKind::TEXT, text);
                self.blocks.push((0, Block::Text(text.clone())));
            }
            _ => return Err(unknown("a body without content", body)),
        }
        self.stopped(&body["stop_reason"])?;
        self.used(&body["usage"]);
        self.over = true;
        Ok(())
    }

    fn progress(&self) -> Progress {
        match (self.over, self.finish) {
            (true, _) => Progress::Over,
            (false, Some(_)) => Progress::Complete,
            (false, None) => Progress::Begun,
        }
    }

    fn reply(&mut self) -> Result<Reply, ModuleError> {
        let mut sealed: Vec<Value> = Vec::new();
        let mut pieces = Vec::new();
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.sort_by_key(|(place, _)| *place);
        for (_, block) in blocks {
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
                Block::Call(call, _) => Piece::Call(call),
            });
        }
        let opaque = (!sealed.is_empty()).then(|| json!({OPAQUE: sealed}));
        Ok(Reply { pieces, finish: self.finish, tokens: Vec::new(), usage: self.usage, opaque })
    }
}

impl Fold {
    fn index(&self, event: &Value) -> Result<Option<u64>, ModuleError> {
        match content::place(event, "index")? {
            Some(index) if index >= MOST_BLOCKS => Err(garbage(format_args!("a block number {}", event["index"]))),
            index => Ok(index),
        }
    }

    fn stopped(&mut self, given: &Value) -> Result<(), ModuleError> {
        self.finish = reason(given)?.or(self.finish);
        Ok(())
    }

    /// Figures come twice: at the start what was read, at the end what was written, each with what is known of the other.
    fn used(&mut self, usage: &Value) {
        for (name, count) in [
            ("input_tokens", &mut self.usage.fresh),
            ("cache_read_input_tokens", &mut self.usage.cached),
            ("cache_creation_input_tokens", &mut self.usage.written),
            ("output_tokens", &mut self.usage.output),
        ] {
            *count = content::figure(&usage[name]).unwrap_or(*count);
        }
    }
}

fn begun(block: &Value, teller: &mut Teller<'_>) -> Result<Block, ModuleError> {
    let text = |key: &str| content::string(block, key);
    Ok(match block["type"].as_str() {
        Some("text") => {
            teller.tell(DeltaKind::TEXT, text("text")?);
            Block::Text(text("text")?.to_owned())
        }
        Some("thinking") => {
            teller.tell(DeltaKind::REASONING, text("thinking")?);
            Block::Thinking { text: text("thinking")?.to_owned(), signature: text("signature")?.to_owned() }
        }
        Some("redacted_thinking") => Block::Redacted(block.clone()),
        Some("tool_use") => {
            // A stream begins with an empty object and then writes it out.
            let arguments = match &block["input"] {
                Value::Object(input) if input.is_empty() => String::new(),
                input => content::arguments(input),
            };
            teller.tell(DeltaKind::ARGUMENTS, &arguments);
            Block::Call(Call { id: text("id")?.to_owned(), name: text("name")?.to_owned(), arguments }, true)
        }
        Some(other) => return Err(unsupported(format_args!("a block of the type `{}`", excerpt(other)))),
        None => return Err(garbage(format_args!("the block `{}`", excerpt(&block.to_string())))),
    })
}

impl Block {
    fn add(&mut self, delta: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let piece = |key: &str| content::string(delta, key);
        match (self, delta["type"].as_str().unwrap_or_default()) {
            (Self::Text(text), "text_delta") => {
                text.push_str(piece("text")?);
                teller.tell(DeltaKind::TEXT, piece("text")?);
            }
            (Self::Thinking { text, .. }, "thinking_delta") => {
                text.push_str(piece("thinking")?);
                teller.tell(DeltaKind::REASONING, piece("thinking")?);
            }
            (Self::Thinking { signature, .. }, "signature_delta") => signature.push_str(piece("signature")?),
            (Self::Call(call, begun), "input_json_delta") => {
                let more = content::arguments(&delta["partial_json"]);
                if !more.is_empty() && std::mem::take(begun) {
                    call.arguments.clear();
                }
                call.arguments.push_str(&more);
                teller.tell(DeltaKind::ARGUMENTS, &more);
            }
            (_, other) => return Err(unsupported(format_args!("a piece of the type `{}`", excerpt(other)))),
        }
        Ok(())
    }
}
