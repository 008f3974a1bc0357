//! `novelty`: explores. Narrows a choice to what was tried least, counting whole actions or the words they are made of.

use harness_abi::{Constraint, Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;

use crate::past::{Deed, Past, narrowed};

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    unit: Unit,
    /// Choices tried so many times more than the least tried one still stay.
    slack: usize,
    /// Explores after so many turns without news; 0: always.
    patience: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    Action,
    ActionInState,
    Words,
}

/// The processor.
#[derive(Debug)]
pub struct Novelty {
    config: Config,
    past: Past,
}

impl Novelty {
    /// Starts with an empty memory.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, past: Past::default() })
    }

    /// How often `choice` was tried. For words: how often the word of it that was used least was.
    fn tried(&self, choice: &str) -> usize {
        let deeds = self.past.deeds();
        let same = |deed: &&Deed| deed.action == choice;
        match self.config.unit {
            Unit::Action => deeds.iter().filter(same).count(),
            Unit::ActionInState => deeds.iter().filter(same).filter(|deed| deed.state == self.past.state()).count(),
            Unit::Words => {
                let uses = |word: &str| {
                    deeds.iter().filter(|deed| deed.action.split_whitespace().any(|used| used == word)).count()
                };
                let pairs = pairs(choice);
                let whole = pairs
                    .iter()
                    .map(|pair| deeds.iter().filter(|deed| self::pairs(&deed.action).contains(pair)).count());
                whole.chain(choice.split_whitespace().map(uses)).min().unwrap_or(0)
            }
        }
    }

    fn stalled(&self) -> bool {
        let deeds = self.past.deeds();
        let recent = &deeds[deeds.len().saturating_sub(self.config.patience)..];
        recent.len() >= self.config.patience && recent.iter().all(|deed| !deed.news)
    }
}

/// Words that stand side by side: `desk 1` is a thing of its own beside `desk 2`.
fn pairs(action: &str) -> Vec<(&str, &str)> {
    action.split_whitespace().zip(action.split_whitespace().skip(1)).collect()
}

impl Processor for Novelty {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        self.past.observe(cx, &[])?;
        let Constraint::Choice { choices } = cx.constraint()? else { return pass() };
        if !self.stalled() {
            return pass();
        }
        let least = choices.iter().map(|choice| self.tried(choice)).min().unwrap_or(0);
        match narrowed(&choices, |choice| self.tried(choice) <= least + self.config.slack) {
            Some(choices) => Ok(vec![Decision::constrain(&Constraint::Choice { choices })]),
            None => pass(),
        }
    }
}
