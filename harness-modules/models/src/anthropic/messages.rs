//! A conversation in this protocol's form: a system prompt apart, then turns of users and the model by turns, made of blocks. Thoughts go
//! back with the signatures they came with, or not at all. Refuses parts it has no block for.

use harness_abi::{Message, ModuleError, Part, Role};
use serde_json::{Map, Value, json};

use crate::reply::{self, Names};

/// The key of what a server wants back, in a message's opaque JSON.
pub const OPAQUE: &str = "anthropic";
/// Cache marks a request may have.
const MOST_MARKS: usize = 4;

/// A conversation being put together.
#[derive(Debug, Default)]
pub struct Conversation {
    /// Blocks of the system prompt.
    pub system: Vec<Value>,
    turns: Vec<(&'static str, Vec<Value>)>,
}

/// Marks the prompt up to this block for the server's cache.
pub fn mark(block: &mut Value) {
    block["cache_control"] = json!({"type": "ephemeral"});
}

impl Conversation {
    /// Adds a message.
    pub fn push(&mut self, message: &Message, names: &Names) -> Result<(), ModuleError> {
        if message.known_parts().count() != message.stored_parts().len() {
            return Err(no_block());
        }
        if message.role() == Role::System && !self.turns.is_empty() {
            return Err(ModuleError::unsupported(
                "this protocol has system messages at the beginning alone; make a user message of the later one",
            ));
        }
        let mut blocks = blocks(message, names)?;
        if message.cache() {
            blocks.last_mut().into_iter().for_each(mark);
        }
        let speaker = match message.role() {
            Role::System => {
                self.system.extend(blocks);
                return Ok(());
            }
            Role::Assistant => "assistant",
            // Results of tools are the user's to give; those of one step belong into one turn.
            Role::User | Role::Tool => "user",
        };
        match self.turns.last_mut() {
            Some((last, known)) if *last == speaker => known.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => self.turns.push((speaker, blocks)),
        }
        Ok(())
    }

    /// Marks the conversation so far: the next request begins with it.
    pub fn mark_last(&mut self) {
        let last = self.turns.last_mut().and_then(|(_, blocks)| blocks.last_mut());
        last.into_iter().for_each(mark);
    }

    /// Writes it into a request's body. The latest marks count where there are too many: what they cover, they cover whole.
    pub fn write(mut self, body: &mut Map<String, Value>) {
        let tools = body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten();
        let marked = tools
            .chain(&mut self.system)
            .chain(self.turns.iter_mut().flat_map(|(_, blocks)| blocks))
            .filter(|block| block.get("cache_control").is_some());
        let mut marked: Vec<&mut Value> = marked.collect();
        let spare = marked.len().saturating_sub(MOST_MARKS);
        // The first mark stays: it is on what never changes.
        for block in marked.iter_mut().skip(1).take(spare) {
            block.as_object_mut().and_then(|block| block.remove("cache_control"));
        }
        if !self.system.is_empty() {
            body.insert("system".into(), self.system.into());
        }
        let turns: Vec<Value> =
            self.turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
        body.insert("messages".into(), turns.into());
    }
}

fn no_block() -> ModuleError {
    ModuleError::unsupported(
        "a message holds a part other than text, thoughts and calls, which this model cannot send; drop it",
    )
}

fn blocks(message: &Message, names: &Names) -> Result<Vec<Value>, ModuleError> {
    let opaque: Option<Value> = message.opaque().and_then(|opaque| serde_json::from_str(opaque).ok());
    let sealed = opaque.as_ref().and_then(|opaque| opaque[OPAQUE].as_array()).map_or(&[][..], Vec::as_slice);
    let thoughts = message.known_parts().filter(|part| matches!(part, Part::Reasoning { .. })).count();
    // Thoughts that somebody took out or put in have no signatures; without theirs none may go.
    let mut sealed = if sealed.len() == thoughts { sealed.iter() } else { [].iter() };
    let mut blocks = Vec::new();
    for part in message.known_parts() {
        match part {
            // An empty block is refused.
            Part::Text { text } if text.is_empty() => {}
            Part::Text { text } => blocks.push(json!({"type": "text", "text": text.as_str()})),
            Part::Reasoning { text } => match sealed.next() {
                Some(Value::String(signature)) => {
                    blocks.push(json!({"type": "thinking", "thinking": text.as_str(), "signature": signature}));
                }
                Some(redacted) if redacted.is_object() => blocks.push(redacted.clone()),
                _ => {}
            },
            Part::ToolCall { id, name, arguments } => {
                let (id, name, input) = (plain(id), names.theirs(name), reply::object(arguments));
                blocks.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
            }
            Part::ToolResult { id, text, is_error } => {
                let mut block = json!({"type": "tool_result", "tool_use_id": plain(id), "content": text.as_str()});
                if *is_error {
                    block["is_error"] = true.into();
                }
                blocks.push(block);
            }
            _ => return Err(no_block()),
        }
    }
    Ok(blocks)
}

/// An id as this protocol allows it: letters, digits, `_` and `-`.
fn plain(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect()
}
