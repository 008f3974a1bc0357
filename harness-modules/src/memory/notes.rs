//! `notes`: remembers, in one line each, what every action led to, and says it again in each step. Deterministic: a note is the
//! beginning of an observation, not a summary by a model. Lives as long as the episode.

use harness_abi::{Cx, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;

use crate::turns::{Past, Turn};
use crate::wording::Aside;

/// Turns looked back at when it is put in late.
const KEPT: usize = 64;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Notes shown, the newest.
    limit: usize,
    /// Characters of an observation in a note.
    width: usize,
    /// Newest turns that need no note, because the conversation shows them.
    skip: usize,
    header: String,
    /// Observations that contain one of these, in any case, are not worth a note.
    forget: Vec<String>,
}

/// The processor.
#[derive(Debug)]
pub struct Notes {
    config: Config,
    /// Oldest first; one for each action, its newest observation.
    notes: Vec<Turn>,
    past: Past,
    aside: Aside,
}

impl Notes {
    /// Starts with an empty page.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(mut config: Config) -> Result<Self, ModuleError> {
        for pattern in &mut config.forget {
            *pattern = pattern.to_lowercase();
        }
        Ok(Self { config, notes: Vec::new(), past: Past::default(), aside: Aside::default() })
    }

    fn worth(&self, turn: &Turn) -> bool {
        let observation = turn.observation.to_lowercase();
        !observation.is_empty() && !self.config.forget.iter().any(|pattern| observation.contains(pattern))
    }

    fn note(&mut self, turn: Turn) {
        self.notes.retain(|note| note.action != turn.action);
        if self.worth(&turn) {
            self.notes.push(turn);
        }
    }
}

fn line(turn: &Turn, width: usize) -> String {
    let observation = turn.observation.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = observation.chars().take(width).collect();
    let dots = if short.len() < observation.len() { "…" } else { "" };
    format!("- {}: {short}{dots}", turn.action)
}

impl Processor for Notes {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::StepStart => return Ok(self.aside.withdraw(cx)),
            Event::BeforeModel => {}
            _ => return pass(),
        }
        let begun = self.past.started();
        self.past.observe(cx, KEPT)?;
        // The first time, all that is there; later, the one turn that is new.
        let new = if begun { 1 } else { KEPT };
        let new: Vec<Turn> = self.past.turns().iter().take(new).rev().cloned().collect();
        new.into_iter().for_each(|turn| self.note(turn));
        let recent = || self.past.turns().iter().take(self.config.skip);
        let shown: Vec<&Turn> = self.notes.iter().filter(|note| !recent().any(|turn| turn == *note)).collect();
        let first = shown.len().saturating_sub(self.config.limit);
        let lines: Vec<String> = shown[first..].iter().map(|turn| line(turn, self.config.width)).collect();
        if lines.is_empty() {
            return pass();
        }
        Ok(vec![self.aside.add_before(cx, &format!("{}\n{}", self.config.header, lines.join("\n")))])
    }
}
