//! The events of a response → one reply. Text is told as it comes; what counts is the list of items: as the last event has it, else as they
//! came whole, else put together from their pieces.

use std::collections::BTreeSet;

use harness_abi::{DeltaKind, Finish, ModuleError, TokenLogprob};
use serde_json::{Value, json};

use super::{chat_fold::token, responses::OPAQUE};
use crate::{
    http::{Progress, Read, Teller, excerpt, failed_reply, garbage, inside, unknown, unsupported},
    prices::Tokens,
    reply::{Call, MOST_CALLS, Piece, Reply, content, reason},
};

/// Items a reply may have.
const MOST_ITEMS: usize = MOST_CALLS * 4;

/// What has come so far.
#[derive(Debug, Default)]
pub struct Fold {
    items: Vec<Item>,
    /// The response, when it is over.
    response: Option<Value>,
    /// Events that nobody here knows.
    unknown: BTreeSet<String>,
}

/// An item as it comes.
#[derive(Debug)]
struct Item {
    place: Option<u64>,
    id: String,
    /// Its first form, then its last.
    value: Value,
    whole: bool,
    /// Text told of it, for where it never comes whole.
    text: String,
    thought: String,
    arguments: String,
}

impl Read for Fold {
    fn event(&mut self, event: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let kind = match event["type"].as_str() {
            Some(kind) => kind,
            // Some servers send the whole response as the one event.
            None if event["output"].is_array() => return self.whole(event, teller),
            None => return Err(unknown("the event", event)),
        };
        let delta = |event| content::string(event, "delta");
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.item(event)?.text.push_str(delta(event)?);
                teller.tell(DeltaKind::TEXT, delta(event)?);
            }
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                self.item(event)?.thought.push_str(delta(event)?);
                teller.tell(DeltaKind::REASONING, delta(event)?);
            }
            "response.function_call_arguments.delta" => {
                let text = content::arguments(&event["delta"]);
                self.item(event)?.arguments.push_str(&text);
                teller.tell(DeltaKind::ARGUMENTS, &text);
            }
            "response.output_item.added" | "response.output_item.done" => {
                let item = self.item(event)?;
                item.value = event["item"].clone();
                item.whole = kind == "response.output_item.done";
            }
            "response.completed" | "response.incomplete" | "response.done" => {
                let response = &event["response"];
                ended(response, kind == "response.incomplete")?;
                self.response = Some(response.clone());
            }
            "response.failed" | "response.error" | "response.cancelled" => {
                let error = [&event["response"]["error"], &event["error"]].into_iter().find(|error| !error.is_null());
                return Err(error.and_then(|error| inside(error, true)).unwrap_or_else(|| failed_reply(kind)));
            }
            // What these say is said again by the item when it is done.
            "response.created"
            | "response.in_progress"
            | "response.queued"
            | "response.content_part.added"
            | "response.content_part.done"
            | "response.output_text.done"
            | "response.refusal.done"
            | "response.output_text.annotation.added"
            | "response.function_call_arguments.done"
            | "response.reasoning_text.done"
            | "response.reasoning_summary_text.done"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_summary_part.done" => {}
            other if other.starts_with("response.") => {
                self.unknown.insert(other.to_owned());
            }
            _ => return Err(unknown("the event", event)),
        }
        Ok(())
    }

    fn whole(&mut self, body: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let Some(items) = body["output"].as_array() else {
            return Err(unknown("a body without output", body));
        };
        ended(body, false)?;
        for item in items {
            for piece in pieces(item)? {
                match piece {
                    Piece::Text(text) => teller.tell(DeltaKind::TEXT, &text),
                    Piece::Reasoning(text) => teller.tell(DeltaKind::REASONING, &text),
                    Piece::Call(call) => teller.tell(DeltaKind::ARGUMENTS, &call.arguments),
                }
            }
        }
        self.response = Some(body.clone());
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.response.is_some() { Progress::Over } else { Progress::Begun }
    }

    fn reply(&mut self) -> Result<Reply, ModuleError> {
        let response = self.response.take().unwrap_or_default();
        let came = std::mem::take(&mut self.items);
        let items: Vec<Value> = match response["output"].as_array().filter(|output| !output.is_empty()) {
            Some(output) => output.clone(),
            None if !self.unknown.is_empty() && came.iter().all(|item| !item.whole) => {
                let names: Vec<&str> = self.unknown.iter().take(4).map(String::as_str).collect();
                return Err(unsupported(format_args!("events that nothing sums up ({})", excerpt(&names.join(", ")))));
            }
            None => came.into_iter().map(Item::finished).collect(),
        };
        let finish = match &response["incomplete_details"]["reason"] {
            Value::Null if response["status"] == "completed" => Some(Finish::STOP),
            given => reason(given)?,
        };
        let sealed = |item: &&Value| item["type"] == "reasoning" && item["encrypted_content"].is_string();
        let sealed: Vec<&Value> = items.iter().filter(sealed).collect();
        let opaque = (!sealed.is_empty()).then(|| json!({OPAQUE: sealed}));
        let tokens = items.iter().flat_map(|item| item["content"].as_array().into_iter().flatten());
        let tokens: Vec<TokenLogprob> =
            tokens.flat_map(|part| part["logprobs"].as_array().into_iter().flatten()).map(token).collect();
        let usage = usage(&response["usage"]);
        let mut all = Vec::new();
        for item in &items {
            all.extend(pieces(item)?);
        }
        Ok(Reply { pieces: all, finish, tokens, usage, opaque })
    }
}

impl Fold {
    /// The item that an event is about: the one of its id, else of its place, else the newest.
    fn item(&mut self, event: &Value) -> Result<&mut Item, ModuleError> {
        let place = content::place(event, "output_index")?;
        let whole = event.get("item").is_some();
        let id = if whole { content::string(&event["item"], "id")? } else { content::string(event, "item_id")? };
        let begins = event["type"] == "response.output_item.added";
        // What is whole ends once.
        let open = |item: &Item| !(begins || (whole && item.whole));
        let last = |fits: &dyn Fn(&Item) -> bool| self.items.iter().rposition(|item| open(item) && fits(item));
        let at = last(&|item| !id.is_empty() && item.id == id)
            .or_else(|| last(&|item| place.is_some() && item.place == place))
            .or_else(|| last(&|item| place.is_none() || item.place.is_none()));
        let at = match at {
            Some(at) => at,
            None => {
                if self.items.len() >= MOST_ITEMS {
                    return Err(garbage(format_args!("a reply of more than {MOST_ITEMS} items")));
                }
                // Items stand in the order of their places, and those of one place in the order they came.
                let after = |item: &Item| place.is_none() || item.place.is_none() || item.place <= place;
                let at = self.items.iter().rposition(after).map_or(0, |at| at + 1);
                self.items.insert(at, Item::new(place, id));
                at
            }
        };
        let item = self.items.get_mut(at).ok_or_else(|| garbage("an item that never began"))?;
        item.place = item.place.or(place);
        Ok(item)
    }
}

impl Item {
    fn new(place: Option<u64>, id: &str) -> Self {
        let (text, thought, arguments) = (String::new(), String::new(), String::new());
        Self { place, id: id.to_owned(), value: Value::Null, whole: false, text, thought, arguments }
    }

    /// The item with all that came of it.
    fn finished(self) -> Value {
        let Self { mut value, whole, text, thought, arguments, .. } = self;
        if whole {
            return value;
        }
        match value["type"].as_str() {
            Some("function_call") => {
                if !arguments.is_empty() {
                    value["arguments"] = arguments.into();
                }
                value
            }
            // A call that nobody named is refused where it is read.
            None if !arguments.is_empty() => json!({"type": "function_call", "arguments": arguments}),
            None | Some("message" | "reasoning") if text.is_empty() => {
                json!({"type": "reasoning", "content": [{"type": "reasoning_text", "text": thought}]})
            }
            None | Some("message" | "reasoning") => json!({"type": "message", "content": [
                {"type": "reasoning", "text": thought}, {"type": "output_text", "text": text}
            ]}),
            Some(_) => value,
        }
    }
}

/// Whether a response is one that came to its end, in full or for a reason it gives.
fn ended(response: &Value, incomplete: bool) -> Result<(), ModuleError> {
    if let Some(error) = inside(response, false) {
        return Err(error);
    }
    let status = content::string(response, "status")?;
    let given = &response["incomplete_details"]["reason"];
    match status {
        "" | "completed" if !incomplete => Ok(()),
        "" | "completed" | "incomplete" => match reason(given)? {
            Some(_) => Ok(()),
            None => Err(failed_reply("incomplete")),
        },
        other => Err(failed_reply(other)),
    }
}

/// What an item adds to the message.
fn pieces(item: &Value) -> Result<Vec<Piece>, ModuleError> {
    let mut found = Vec::new();
    let mut add = |kind: DeltaKind, text: &str| {
        if text.is_empty() {
            return;
        }
        let text = text.to_owned();
        found.push(if kind == DeltaKind::TEXT { Piece::Text(text) } else { Piece::Reasoning(text) });
    };
    match item["type"].as_str() {
        Some("message") => content::read(&item["content"], DeltaKind::TEXT, &mut add)?,
        Some("reasoning") => {
            let mut thoughts: Vec<String> = Vec::new();
            for key in ["summary", "content"] {
                content::read(&item[key], DeltaKind::REASONING, &mut |_, text| thoughts.push(text.to_owned()))?;
            }
            let thought = thoughts.join("\n");
            if !thought.is_empty() {
                add(DeltaKind::REASONING, &thought);
            }
        }
        Some("function_call") => {
            let call_id = content::string(item, "call_id")?;
            let id = if call_id.is_empty() { content::string(item, "id")? } else { call_id };
            let (name, arguments) = (content::string(item, "name")?.to_owned(), content::arguments(&item["arguments"]));
            found.push(Piece::Call(Call { id: id.to_owned(), name, arguments }));
        }
        Some(other) => return Err(unsupported(format_args!("an item of the type `{}`", excerpt(other)))),
        None => return Err(garbage(format_args!("the item `{}`", excerpt(&item.to_string())))),
    }
    Ok(found)
}

fn usage(usage: &Value) -> Tokens {
    let count = |keys: [&str; 2]| keys.iter().find_map(|key| content::figure(&usage[*key])).unwrap_or(0);
    let input = count(["input_tokens", "prompt_tokens"]);
    let cached = content::figure(&usage["input_tokens_details"]["cached_tokens"]).unwrap_or(0).min(input);
    Tokens { fresh: input - cached, cached, written: 0, output: count(["output_tokens", "completion_tokens"]) }
}
