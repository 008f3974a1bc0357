//! What goes to standard output and standard error: text for people, one JSON object for machines. A reader that has left, as `head`
//! does, is no error: it did not want to read on. Everything goes through `harness-terminal`, which spells out hidden characters.

use std::{fmt::Display, io::ErrorKind, process::ExitCode};

use harness::{
    Failure, FailureKind,
    report::{self, Report},
};
use harness_terminal::{stream, text as visible};
use serde::Serialize;
use serde_json::Value;

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

/// Writes the report of an evolution on one screen.
pub fn report(report: &Report) -> Result<(), Failure> {
    let colours = stream::out_is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // Colours are ours, so they are put around words that hold none.
    let mut words = serde_json::to_value(report).map_err(Failure::new)?;
    spell_out(&mut words);
    match serde_json::from_value::<Report>(words) {
        Ok(words) => finish(stream::styled(report::render_summary(&words, colours).trim_end())),
        // A number that JSON does not have: without colours, then.
        Err(_) => line(report::render_summary(report, false).trim_end()),
    }
}

/// Says what went wrong, and gives the exit code.
pub fn failure(failure: &Failure, json: bool) -> ExitCode {
    let code: u8 = match failure.kind() {
        FailureKind::Failed => 1,
        // Also clap's code for a wrong command line.
        FailureKind::BadInput => 2,
        FailureKind::Waiting => 3,
        FailureKind::Interrupted => 130,
    };
    if json {
        let object = serde_json::json!({"error": failure.message(), "hint": failure.advice(), "exit_code": code});
        stream::note_json(&object.to_string());
    } else {
        stream::note(format_args!("error: {}", hung(failure.message())));
        if let Some(hint) = failure.advice() {
            stream::note(format_args!("hint: {}", hung(hint)));
        }
    }
    ExitCode::from(code)
}

/// Further lines stand to the right of the first: what a server or a pack said must not look like a line of ours.
fn hung(text: &str) -> String {
    let mut lines = text.lines();
    let mut hung = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        hung += if line.starts_with("  ") { "\n" } else { "\n  " };
        hung += line;
    }
    hung
}
