//! `compaction`: once a conversation is long, has a model sum up its older turns, and puts the summary in their place. Never loses
//! the task or the last observation, and drops nothing for which there is no summary.

use std::fmt::Write;
use std::ops::Range;

use harness_abi::{
    AskChat, Cx, Decision, Event, HistoryEdit, Message, ModuleError, Outcome, Part, Processor, Role, Sampling, pass,
};
use serde::Deserialize;
use serde_json::json;

use crate::turns::{head, newest, turn_from};

/// Characters of a message that a summary is made of: a page of output tells little more than its beginning.
const READ: usize = 4000;
/// Stands above a summary.
const HEADER: &str = "Summary of what happened before:";

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Bytes of text above which older turns are summed up.
    above: usize,
    /// Newest messages that stay.
    keep: usize,
    /// Most tokens of a summary.
    max_tokens: u32,
    /// The role of the model that sums up.
    model: String,
    instruction: String,
}

/// The processor.
#[derive(Debug)]
pub struct Compaction {
    config: Config,
    /// Bytes below which it is not tried again, once a summary was of no use.
    again: usize,
}

impl Compaction {
    /// Takes the limits.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, again: 0 })
    }

    /// The messages to sum up: all between the task and the newest turns, an older summary included.
    fn older(&self, history: &[Message]) -> Option<Range<usize>> {
        let (head, newest) = (head(history), newest(history)?);
        let cut = turn_from(history, head.max(history.len().saturating_sub(self.config.keep)), newest);
        history[head.min(cut)..cut].iter().any(|message| message.role() == Role::Assistant).then_some(head..cut)
    }

    fn question(&self, cx: &Cx<'_>, older: &[Message]) -> AskChat {
        let history = cx.history();
        let task = history[..head(history)].last().map(|message| message.text()).unwrap_or_default();
        let mut text = format!("The task:\n{task}\n\nWhat happened:\n");
        for message in older {
            transcribe(&mut text, message);
        }
        let sampling = Sampling { max_tokens: self.config.max_tokens, ..Sampling::default() };
        let messages = [Message::system(&*self.config.instruction), Message::user(text)];
        AskChat::new(messages).role(&self.config.model).sampling(&sampling)
    }
}

/// A message as a reader of the transcript sees it.
fn transcribe(out: &mut String, message: &Message) {
    let who = match message.role() {
        Role::Assistant => "agent",
        Role::Tool => "result",
        Role::System | Role::User => "world",
    };
    // Writing to a string cannot fail.
    for part in message.known_parts() {
        let _ = match part {
            Part::Text { text } | Part::ToolResult { text, .. } => writeln!(out, "{who}: {}", shortened(text)),
            Part::ToolCall { name, arguments, .. } => writeln!(out, "{who} calls {name}({})", shortened(arguments)),
            _ => Ok(()),
        };
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(READ) {
        Some((end, _)) => format!("{}… ({} bytes more)", &text[..end], text.len() - end),
        None => text.to_owned(),
    }
}

impl Processor for Compaction {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::StepStart = event else { return pass() };
        let history = cx.history();
        let bytes: usize = history.iter().map(Message::text_len).sum();
        if bytes <= self.config.above.max(self.again) {
            return pass();
        }
        let Some(older) = self.older(history) else { return pass() };
        let reply = cx.chat(self.question(cx, &history[older.clone()]))?;
        let summary = reply.message.text().trim().to_owned();
        let before: usize = history[older.clone()].iter().map(Message::text_len).sum();
        let text = format!("{HEADER}\n{summary}");
        if summary.is_empty() || text.len() >= before {
            // Asked again once there is a quarter more to sum up.
            self.again = bytes + bytes / 4;
            let why = if summary.is_empty() { "the summary was empty" } else { "the summary was no shorter" };
            return Ok(vec![Decision::annotate("compaction", &json!({"kept": why}))]);
        }
        let note = json!({"messages": older.len(), "bytes": before, "summary_bytes": text.len()});
        let (start, end) = (older.start as u64, older.end as u64);
        let edit = HistoryEdit { start, end, with: vec![Message::user(text)].into() };
        Ok(vec![Decision::annotate("compaction", &note), Decision::EditHistory { edits: vec![edit].into() }])
    }
}
