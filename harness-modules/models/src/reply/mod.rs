//! What is asked of a reply and what comes of one, whatever the protocol: pieces become a message, shaped and checked against the
//! request. Refuses a reply that does not keep to the constraint.

mod arguments;
mod calls;
pub mod content;
mod finish;
mod ids;
mod names;
mod thoughts;

use harness_abi::{
    ChatReply, DeltaKind, Draft, ErrorClass, Finish, ModuleError, Part, ReplyExtra, Role, TokenLogprob, stable::RString,
};
use serde_json::Value;

pub use arguments::{object, text};
pub use calls::Calls;
pub use finish::reason;
pub use ids::Ids;
pub use names::Names;
pub use thoughts::Thoughts;

use crate::{
    http,
    prices::{Price, Tokens},
};

/// Stands where a server gives no number of a token: most protocols have none.
pub const NO_ID: u32 = u32::MAX;
/// Tool calls a reply may have.
pub const MOST_CALLS: usize = 128;

/// What the reply must turn out to be.
#[derive(Debug, PartialEq)]
pub enum Expected {
    /// Anything.
    Free,
    /// One of these strings; in a JSON object of the field `choice` when `wrapped`.
    Choice {
        /// The strings.
        choices: Vec<String>,
        /// Whether the protocol made JSON of it.
        wrapped: bool,
    },
    /// JSON.
    Json,
    /// A tool call.
    Call {
        /// Whether its arguments are the model's.
        arguments: bool,
    },
}

/// What is known of a request when its reply is read.
#[derive(Debug)]
pub struct Asked {
    /// Both names of the tools.
    pub names: Names,
    /// What the reply must be.
    pub expected: Expected,
    /// The tool whose arguments are the reply, where the protocol has no other way to ask for JSON.
    pub answer_tool: Option<String>,
    /// Ids of the calls so far.
    pub ids: Ids,
    /// The call's seed.
    pub seed: u64,
}

/// A tool call, with the server's name of the tool.
#[derive(Debug, Default, Clone)]
pub struct Call {
    /// Joins it to its result; empty when the server gave none.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON as text, as it came.
    pub arguments: String,
}

/// A piece of a reply's message.
#[derive(Debug)]
pub enum Piece {
    /// Text for the reader.
    Text(String),
    /// What the model thought.
    Reasoning(String),
    /// A tool call.
    Call(Call),
}

/// A reply as a protocol gives it.
#[derive(Debug, Default)]
pub struct Reply {
    /// In the order they were written.
    pub pieces: Vec<Piece>,
    /// Why it ended, if that was said.
    pub finish: Option<Finish>,
    /// Its tokens with their log-probabilities.
    pub tokens: Vec<TokenLogprob>,
    /// What it used.
    pub usage: Tokens,
    /// What the server wants back untouched.
    pub opaque: Option<Value>,
}

impl Asked {
    /// The reply, shaped and checked against what was expected.
    ///
    /// # Errors
    ///
    /// There is nothing in it, not even a reason why it ended; a call has no name or breaks off; it does not keep to the constraint.
    pub fn answered(&self, mut reply: Reply, price: &Price) -> Result<ChatReply, ModuleError> {
        if let Some(tool) = &self.answer_tool {
            self.unwrap_tool(tool, &mut reply);
        }
        let ended = reply.finish;
        let mut finish = ended.unwrap_or(Finish::STOP);
        let shape = !matches!(self.expected, Expected::Free);
        let (mut parts, mut calls) = apart(reply.pieces);
        if calls.iter().any(|call| call.name.is_empty()) {
            return Err(http::garbage("a tool call without a name"));
        }
        let breaks_off = |call: &Call| {
            let arguments = call.arguments.trim();
            !arguments.is_empty() && serde_json::from_str::<serde::de::IgnoredAny>(arguments).is_err()
        };
        if ended.is_none() && calls.iter().any(breaks_off) {
            return Err(http::cut());
        }
        let silent =
            parts.iter().all(|part| matches!(part, Part::Text { text } | Part::Reasoning { text } if text.is_empty()));
        if ended.is_none() && silent && calls.is_empty() && reply.opaque.is_none() {
            let message =
                "the server sent an empty reply: no text, no thought, no call, and no reason why it ended; try again";
            return Err(ModuleError::new(ErrorClass::UNAVAILABLE, message));
        }
        if shape {
            let mut said = String::new();
            parts.retain(|part| match part {
                Part::Text { text } => {
                    said.push_str(text);
                    false
                }
                _ => true,
            });
            let said = self.shaped(said, finish)?;
            parts.extend((!said.is_empty()).then(|| Part::text(said)));
        }
        let call_wanted = matches!(self.expected, Expected::Call { .. });
        if call_wanted {
            calls.truncate(1);
            if calls.is_empty() {
                return Err(ignored("the tool call that was required", "no call"));
            }
        }
        if !calls.is_empty() && finish == Finish::STOP {
            finish = Finish::TOOL_CALLS;
        }
        let mut ids = self.ids.clone();
        let own = !matches!(self.expected, Expected::Call { arguments: false });
        parts.extend(calls.into_iter().map(|call| {
            let arguments = if own && !call.arguments.is_empty() { call.arguments } else { "{}".to_owned() };
            Part::tool_call(ids.fresh(&call.id), self.names.ours(&call.name), arguments)
        }));
        let mut draft = Draft::new(Role::Assistant).parts(parts);
        if let Some(opaque) = reply.opaque {
            draft = draft.opaque(&opaque.to_string());
        }
        let usage = reply.usage.priced(price);
        let answer = ChatReply { message: draft.build(), finish, usage, extra: RString::new() };
        if reply.tokens.is_empty() {
            return Ok(answer);
        }
        Ok(answer.with_extra(&ReplyExtra { tokens: reply.tokens, ..ReplyExtra::default() }))
    }

    /// Puts the arguments of the answering tool in the place of the text.
    fn unwrap_tool(&self, tool: &str, reply: &mut Reply) {
        let answer = reply.pieces.iter().find_map(|piece| match piece {
            Piece::Call(call) if call.name == tool => Some(call.arguments.clone()),
            _ => None,
        });
        let Some(answer) = answer else { return };
        reply.pieces.retain(|piece| matches!(piece, Piece::Reasoning(_)));
        reply.pieces.push(Piece::Text(answer));
        if reply.finish == Some(Finish::TOOL_CALLS) {
            reply.finish = Some(Finish::STOP);
        }
    }

    /// The text as the constraint means it.
    fn shaped(&self, text: String, finish: Finish) -> Result<String, ModuleError> {
        match &self.expected {
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
}

/// Text of one kind after another.
#[derive(Default)]
struct Said(Vec<(DeltaKind, String)>);

impl Said {
    fn add(&mut self, kind: DeltaKind, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some((last, all)) if *last == kind => all.push_str(text),
            _ => self.0.push((kind, text.to_owned())),
        }
    }

    fn parts(self) -> impl Iterator<Item = Part> {
        self.0.into_iter().map(|(kind, text)| match kind {
            DeltaKind::TEXT => Part::text(text),
            _ => Part::Reasoning { text: text.into() },
        })
    }
}

/// Pieces as parts of a message, and calls; thoughts that stand in the text are taken out of it.
fn apart(pieces: Vec<Piece>) -> (Vec<Part>, Vec<Call>) {
    let (mut parts, mut calls, mut thoughts) = (Vec::new(), Vec::new(), Thoughts::default());
    for piece in pieces {
        match piece {
            // A thought without words may stand for what the server wants back.
            Piece::Reasoning(text) => parts.push(Part::Reasoning { text: text.into() }),
            Piece::Text(text) => {
                let mut said = Said::default();
                thoughts.push(&text, &mut |kind, text| said.add(kind, text));
                parts.extend(said.parts());
            }
            Piece::Call(call) => calls.push(call),
        }
    }
    let mut said = Said::default();
    thoughts.end(&mut |kind, text| said.add(kind, text));
    parts.extend(said.parts());
    let thinks = parts.iter().any(|part| matches!(part, Part::Reasoning { .. }));
    let first = parts.iter().position(|part| matches!(part, Part::Text { .. }));
    if let (false, Some(at)) = (thinks, first)
        && let Some(Part::Text { text }) = parts.get(at).cloned()
        && let Some((thought, answer)) = thoughts::unopened(&text)
    {
        let thought = (!thought.is_empty()).then(|| Part::Reasoning { text: thought.into() });
        let answer = (!answer.is_empty()).then(|| Part::text(answer));
        parts.splice(at..=at, thought.into_iter().chain(answer));
    }
    (parts, calls)
}

/// The error for a server that did not do what was asked in so many words.
fn ignored(what: &str, got: &str) -> ModuleError {
    let got: String = got.chars().take(200).collect();
    ModuleError::unsupported(format_args!(
        "the server did not keep to {what} and replied `{got}`; use a server that does, or another constraint"
    ))
}
