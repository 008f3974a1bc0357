//! One episode as text, in the order it happened.

use std::fmt::Write;

use harness::{
    abi::{Message, Part, Role, Usage},
    app::record::{Shown, StepEntry},
    trace::{Entry, EpisodeRow, Outcome, Purpose},
};
use harness_terminal::line;
use serde_json::Value;

use super::{one_line, tokens};

/// Decisions and arguments in at most this many characters; JSON has them whole.
const WIDTH: usize = 200;

/// One line on an episode.
pub fn summary(row: &EpisodeRow) -> String {
    let start = &row.start;
    let place = [&*start.suite, start.split.name(), &start.task].map(|part| one_line(part, 40));
    let place: Vec<String> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let outcome = row.outcome.map_or("not ended", Outcome::name);
    let reward = row.reward().map_or(String::new(), |reward| format!(", reward {reward}"));
    let simulated = if start.simulated { ", simulated" } else { "" };
    format!("{}  {}  {outcome}{reward}, {} steps{simulated}", start.episode, place.join("/"), row.steps)
}

/// The episode for a reader.
pub fn text(shown: &Shown) -> String {
    let mut text = head(&shown.episode);
    if let Some(mark) = &shown.void {
        let why = if mark.why.is_empty() { "no reason was given" } else { mark.why.as_str() };
        // Writing to a string cannot fail.
        let _ = write!(text, "\nVOID     it counts no more, and its calls are asked again: {why}");
    }
    let mut last = None;
    for StepEntry { step, entry } in &shown.entries {
        if last.replace(*step) != Some(*step) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n\n── step {step}");
        }
        let _ = write!(text, "\n{}", describe(entry));
    }
    let _ = write!(text, "\n{}", foot(&shown.episode, &shown.state));
    for inner in &shown.sub_agents {
        let _ = write!(text, "\nsub-agent {}", summary(inner));
    }
    text
}

fn head(row: &EpisodeRow) -> String {
    let start = &row.start;
    let mut text = format!("episode  {}\nrun      {}\nharness  {}", start.episode, start.run, start.harness);
    for (key, value) in [
        ("parent", &*start.parent),
        ("suite", &start.suite),
        ("split", start.split.name()),
        ("group", &start.group),
        ("task", &start.task),
    ] {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{key:<8} {}", hang(value));
        }
    }
    let _ = write!(text, "\nseed     {}", start.seed);
    if start.simulated {
        text += "\nsimulated: a stand-in for a language model took part";
    }
    text
}

fn foot(row: &EpisodeRow, state: &Value) -> String {
    let Some(outcome) = row.outcome else {
        return "\n── not ended: it runs, or was killed".to_owned();
    };
    let mut text = format!("\n── {}", outcome.name());
    if !row.reason.is_empty() {
        let _ = write!(text, ": {}", hang(&row.reason));
    }
    let _ = write!(text, "\n{} steps, {}, {}", row.steps, tokens(&row.usage), duration(row.micros));
    if row.replayed != Usage::default() {
        let _ = write!(text, "\nof that out of the record: {}", tokens(&row.replayed));
    }
    if !state.is_null() {
        let _ = write!(text, "\nfinal state {}", one_line(&state.to_string(), WIDTH));
    }
    if let Some(grade) = &row.grade {
        if !grade.usage.is_none() {
            let _ = write!(text, "\nmarking it: {}", tokens(&grade.usage));
        }
        let _ = write!(text, "\nreward {}", grade.reward);
        for (name, part) in &grade.parts {
            let _ = write!(text, ", {} {part}", line(name));
        }
        for reason in &grade.reasons {
            let _ = write!(text, "\n  {}", hang(reason));
        }
    }
    text
}

/// What happened, in words.
pub fn describe(entry: &Entry) -> String {
    match entry {
        Entry::Message { message } => speech(message),
        Entry::System { text } => block("system", text),
        Entry::Edited { start, end, with } => {
            let mut text = format!("history  messages {start}..{end} replaced by {}", with.len());
            for message in with {
                let _ = write!(text, "\n{}", indent(&speech(message)));
            }
            text
        }
        Entry::Decided { hook, module, decisions } => {
            let all: Vec<String> = decisions.as_array().into_iter().flatten().map(decision).collect();
            format!("decided  {} at {}: {}", line(module), hook.name(), all.join("; "))
        }
        Entry::Chat { role, purpose, finish, usage, micros, replayed, .. } => {
            format!(
                "model    {}",
                call(role, purpose, &format!("{}, {}", finish.name(), tokens(usage)), *micros, *replayed)
            )
        }
        Entry::Score { role, purpose, usage, micros, replayed, .. } => {
            format!("scores   {}", call(role, purpose, &tokens(usage), *micros, *replayed))
        }
        Entry::Tool { name, arguments, is_error, micros, .. } => {
            let failed = if *is_error { ", failed" } else { "" };
            format!("tool     {} {}{failed}, {}", line(name), one_line(arguments, WIDTH), duration(*micros))
        }
        Entry::Observed { observation } => {
            let mut notes = Vec::new();
            if !observation.admissible.is_empty() {
                notes.push(format!("{} admissible actions", observation.admissible.len()));
            }
            if observation.reward != 0.0 {
                notes.push(format!("reward {}", observation.reward));
            }
            for (holds, note) in [(observation.invalid, "refused"), (observation.done, "over")] {
                notes.extend(holds.then(|| note.to_owned()));
            }
            let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
            block(&format!("observed{notes}"), &observation.text)
        }
        Entry::Adapted { rule, from, to } => {
            let short = |id: &str| id.chars().take(12).collect::<String>();
            format!("adapted  rule {rule}: {} → {}", short(from), short(to))
        }
        Entry::Fault { hook, module, class, message } => {
            let hook = hook.map_or(String::new(), |hook| format!(" at {}", hook.name()));
            format!("FAULT    {}{hook} ({}): {}", line(module), line(class), hang(message))
        }
    }
}

fn speech(message: &Message) -> String {
    let speaker = match message.role() {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool result",
    };
    let parts: Vec<String> = message
        .known_parts()
        .map(|part| match part {
            Part::Text { text } => text.to_string(),
            Part::Reasoning { text } => format!("(thinking) {text}"),
            Part::ToolCall { name, arguments, .. } => format!("→ {name} {arguments}"),
            Part::ToolResult { text, is_error, .. } => format!("{}{text}", if *is_error { "(error) " } else { "" }),
            Part::Blob { hash, media_type } => format!("[{media_type} {hash}]"),
            _ => "[a part newer than this program]".to_owned(),
        })
        .collect();
    block(speaker, &parts.join("\n"))
}

/// `{"kind": body}` as `kind body`.
fn decision(decision: &Value) -> String {
    let Some((kind, body)) = decision.as_object().and_then(|object| object.iter().next()) else {
        return one_line(&decision.to_string(), WIDTH);
    };
    match body {
        Value::Null => line(kind).to_string(),
        Value::String(text) => format!("{} {}", line(kind), one_line(text, WIDTH)),
        body => format!("{} {}", line(kind), one_line(&body.to_string(), WIDTH)),
    }
}

fn call(role: &str, purpose: &Purpose, what: &str, micros: u64, replayed: bool) -> String {
    let asker = match purpose {
        Purpose::Step => String::new(),
        Purpose::Ask(module) => format!(", asked by {}", line(module)),
        Purpose::Grade => ", asked for the grade".to_owned(),
    };
    format!("{}{asker}: {what}, {}{}", line(role), duration(micros), if replayed { ", out of the record" } else { "" })
}

fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

fn block(title: &str, text: &str) -> String {
    if text.is_empty() { format!("{title}\n  (empty)") } else { format!("{title}\n{}", indent(text)) }
}

/// Text after a title: its further lines stand below the first, so that none looks like an entry of its own.
fn hang(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("\n         ")
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
