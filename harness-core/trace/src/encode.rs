//! Entries, replies and grades as bytes; `decode` is its mirror, variant by variant.

use harness_abi::{Grade, Message, Observation, Part, Usage};

use crate::{Entry, Purpose, StoredChat, StoredScores, TraceError, codec::Put};

/// Version of everything this module writes.
pub(crate) const CODEC: u8 = 1;
/// First byte of a stored call that is a chat.
pub(crate) const CHAT: u8 = 1;
/// First byte of a stored call that is scores.
pub(crate) const SCORES: u8 = 2;

/// Appends one step: its number, how many entries, the entries. On an error `out` is as it was.
pub(crate) fn step(out: &mut Vec<u8>, step: u64, entries: &[Entry]) -> Result<(), TraceError> {
    let before = out.len();
    out.u64(step);
    out.u64(entries.len() as u64);
    for each in entries {
        if let Err(error) = entry(out, each) {
            out.truncate(before);
            return Err(error);
        }
    }
    Ok(())
}

fn entry(out: &mut Vec<u8>, entry: &Entry) -> Result<(), TraceError> {
    match entry {
        Entry::Message { message: m } => {
            out.u8(0);
            message(out, m)?;
        }
        Entry::Edited { start, end, with } => {
            out.u8(1);
            out.u64(*start);
            out.u64(*end);
            out.u64(with.len() as u64);
            for m in with {
                message(out, m)?;
            }
        }
        Entry::System { text } => {
            out.u8(2);
            out.text(text);
        }
        Entry::Decided { hook, module, decisions } => {
            out.u8(3);
            out.u64(u64::from(hook.code()));
            out.text(module);
            json(out, decisions)?;
        }
        Entry::Chat { role, key, purpose: p, finish, usage: u, began, micros, replayed } => {
            out.u8(if began.is_some() { 10 } else { 4 });
            out.text(role);
            out.extend_from_slice(&key.0);
            purpose(out, p);
            out.u64(u64::from(finish.0));
            usage(out, *u);
            out.u64(*micros);
            out.flag(*replayed);
            began.iter().for_each(|began| out.u64(*began));
        }
        Entry::Score { role, key, purpose: p, usage: u, began, micros, replayed } => {
            out.u8(if began.is_some() { 11 } else { 5 });
            out.text(role);
            out.extend_from_slice(&key.0);
            purpose(out, p);
            usage(out, *u);
            out.u64(*micros);
            out.flag(*replayed);
            began.iter().for_each(|began| out.u64(*began));
        }
        Entry::Tool { id, name, arguments, is_error, began, micros } => {
            out.u8(if began.is_some() { 12 } else { 6 });
            out.text(id);
            out.text(name);
            out.text(arguments);
            out.flag(*is_error);
            out.u64(*micros);
            began.iter().for_each(|began| out.u64(*began));
        }
        Entry::Observed { observation: o } => {
            out.u8(7);
            observation(out, o)?;
        }
        Entry::Adapted { rule, from, to } => {
            out.u8(8);
            out.u64(*rule as u64);
            out.text(from);
            out.text(to);
        }
        Entry::Fault { hook, module, class, message } => {
            out.u8(9);
            // 0 is none, so a hook's number goes up by one.
            out.u64(hook.map_or(0, |hook| u64::from(hook.code()) + 1));
            out.text(module);
            out.text(class);
            out.text(message);
        }
    }
    Ok(())
}

fn purpose(out: &mut Vec<u8>, purpose: &Purpose) {
    match purpose {
        Purpose::Step => out.u8(0),
        Purpose::Ask(module) => {
            out.u8(1);
            out.text(module);
        }
        Purpose::Grade => out.u8(2),
    }
}

fn usage(out: &mut Vec<u8>, usage: Usage) {
    for number in [usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.cost_micros] {
        out.u64(number);
    }
}

fn json(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), TraceError> {
    let text = serde_json::to_vec(value)
        .map_err(|source| TraceError::Corrupt { what: "an entry to be recorded".to_owned(), source })?;
    out.bytes(&text);
    Ok(())
}

fn observation(out: &mut Vec<u8>, observation: &Observation) -> Result<(), TraceError> {
    out.text(&observation.text);
    out.list(&observation.admissible, |out, text| out.text(text));
    match &observation.tools {
        None => out.flag(false),
        Some(tools) => {
            out.flag(true);
            json(out, tools)?;
        }
    }
    out.f64(observation.reward);
    out.flag(observation.done);
    out.flag(observation.invalid);
    Ok(())
}

/// A part of a kind this version does not know is an error: a record with holes would not be one.
fn message(out: &mut Vec<u8>, message: &Message) -> Result<(), TraceError> {
    let newer = || TraceError::NewerPart { role: message.role(), id: message.id().to_owned() };
    out.u8(message.role() as u8);
    out.u8(u8::from(message.cache()) | u8::from(message.opaque().is_some()) << 1);
    out.text(message.id());
    if let Some(opaque) = message.opaque() {
        out.text(opaque);
    }
    let parts = message.stored_parts();
    out.u64(parts.len() as u64);
    for part in parts {
        match part.as_enum().map_err(|_| newer())? {
            Part::Text { text } => {
                out.u8(0);
                out.text(text);
            }
            Part::Reasoning { text } => {
                out.u8(1);
                out.text(text);
            }
            Part::ToolCall { id, name, arguments } => {
                out.u8(2);
                out.text(id);
                out.text(name);
                out.text(arguments);
            }
            Part::ToolResult { id, text, is_error } => {
                out.u8(3 + u8::from(*is_error));
                out.text(id);
                out.text(text);
            }
            Part::Blob { hash, media_type } => {
                out.u8(5);
                out.text(hash);
                out.text(media_type);
            }
            _ => return Err(newer()),
        }
    }
    Ok(())
}

/// A reply, after its kind.
pub(crate) fn chat(out: &mut Vec<u8>, reply: &StoredChat) -> Result<(), TraceError> {
    out.u8(CHAT);
    out.u64(u64::from(reply.finish.0));
    usage(out, reply.usage);
    out.u64(reply.micros);
    out.text(&reply.extra);
    message(out, &reply.message)
}

/// Scores, after their kind.
pub(crate) fn scores(out: &mut Vec<u8>, reply: &StoredScores) {
    out.u8(SCORES);
    usage(out, reply.usage);
    out.u64(reply.micros);
    out.list(&reply.scores, |out, score| {
        out.f64(score.logprob);
        out.u64(u64::from(score.tokens));
    });
}

/// A grade, after the version.
pub(crate) fn grade(grade: &Grade) -> Vec<u8> {
    let mut out = vec![CODEC];
    out.f64(grade.reward);
    out.list(&grade.parts, |out, (name, value)| {
        out.text(name);
        out.f64(*value);
    });
    out.list(&grade.reasons, |out, text| out.text(text));
    usage(&mut out, grade.usage);
    out
}
