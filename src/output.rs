//! What goes to standard output: text for people, one JSON object for machines. Refuses to fail when the reader has left, as
//! `head` does: what it did not want to read is not an error.

use std::{
    fmt::Display,
    io::{ErrorKind, Write},
};

use harness_abi::Usage;
use serde::Serialize;

use crate::failure::Failure;

/// Writes `text` and a line break.
pub fn line(text: impl Display) -> Result<(), Failure> {
    finish(writeln!(std::io::stdout().lock(), "{text}"))
}

/// Writes one JSON object on one line.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::new)?;
    line(text)
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
