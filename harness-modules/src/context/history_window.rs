//! `history_window`: keeps the head of a conversation and its newest turns, by count and by bytes. Never loses the task or the last
//! observation, and never separates a tool result from its call.

use std::ops::Range;

use harness_abi::{Cx, Decision, Event, HistoryEdit, Message, ModuleError, Outcome, Processor, Role, pass};
use serde::Deserialize;

use crate::turns::{head, newest, turn_from};

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Messages kept at the head; the task always is.
    first: usize,
    /// Messages kept at the end.
    last: usize,
    /// Bytes of text kept in all; 0 sets no limit.
    max_bytes: usize,
}

/// The processor.
#[derive(Debug)]
pub struct HistoryWindow {
    config: Config,
}

impl HistoryWindow {
    /// Takes the limits.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }

    /// The messages to drop: whole turns after the head, as few as the limits allow.
    fn dropped(&self, history: &[Message]) -> Option<Range<usize>> {
        let Config { first, last, max_bytes } = self.config;
        let head = head(history).max(first);
        // The newest turn stays whatever the limits say.
        let newest = newest(history)?;
        let mut cut = head.max(history.len().saturating_sub(last));
        if max_bytes > 0 {
            let mut bytes: usize = history.iter().map(Message::text_len).sum();
            let gone = history.get(head..cut).unwrap_or_default();
            bytes -= gone.iter().map(Message::text_len).sum::<usize>();
            while bytes > max_bytes && cut < newest {
                bytes -= history[cut].text_len();
                cut += 1;
            }
        }
        let cut = turn_from(history, cut, newest);
        let start = (head..cut).find(|index| history[*index].role() == Role::Assistant)?;
        Some(start..cut)
    }
}

impl Processor for HistoryWindow {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::StepStart = event else { return pass() };
        let Some(range) = self.dropped(cx.history()) else { return pass() };
        let edit = HistoryEdit { start: range.start as u64, end: range.end as u64, with: Vec::new().into() };
        Ok(vec![Decision::EditHistory { edits: vec![edit].into() }])
    }
}
