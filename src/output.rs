//! What goes to standard output and standard error: text for people, one JSON object for machines. A reader that has left, as `head`
//! does, is no error: it did not want to read on. Everything goes through `harness-terminal`, which spells out hidden characters.

use std::{fmt::Display, io::ErrorKind};

use harness_abi::Usage;
use harness_terminal::{stream, text as visible};
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;

/// Writes `text` and a line break.
pub fn line(text: impl Display) -> Result<(), Failure> {
    finish(stream::line(text))
}

/// Writes one JSON object on one line.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::new)?;
    finish(stream::json(&text))
}

/// Writes `text` and a line break to standard error: what a person may like to know beside the answer.
pub fn note(text: impl Display) {
    stream::note(text);
}

/// A text on one line: blanks and line breaks become single blanks, so that it cannot look like lines of ours.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Spells out hidden characters in every text of a value, keys too.
pub fn spell_out(value: &mut Value) {
    match value {
        Value::String(text) => *text = visible(&*text).to_string(),
        Value::Array(all) => all.iter_mut().for_each(spell_out),
        Value::Object(all) => {
            *all = std::mem::take(all)
                .into_iter()
                .map(|(key, mut value)| {
                    spell_out(&mut value);
                    (visible(key).to_string(), value)
                })
                .collect();
        }
        _ => {}
    }
}

/// Turns what writing to standard output gave into what the command gives.
pub fn finish(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tokens and money in a line.
pub fn tokens(usage: &Usage) -> String {
    let cached = if usage.cached_tokens > 0 { format!(" ({} cached)", usage.cached_tokens) } else { String::new() };
    let cost = if usage.cost_micros > 0 { format!(", ${:.6}", usage.cost_micros as f64 / 1e6) } else { String::new() };
    format!("{}{cached} + {} tokens{cost}", usage.input_tokens, usage.output_tokens)
}
