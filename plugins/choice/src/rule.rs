//! `rule`: picks an option without a model, for controls. What it passes, no model has earned.

use std::collections::BTreeSet;

use harness_abi::{Cx, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;

use crate::{question::Question, scoring::answer};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pick: Pick,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pick {
    Overlap,
    Longest,
    Shortest,
    First,
}

/// The processor.
#[derive(Debug)]
pub(crate) struct Rule {
    config: Config,
}

impl Rule {
    /// Takes the configuration.
    ///
    /// # Errors
    ///
    /// None; the manifest says what is allowed.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl Processor for Rule {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let Some(Question { text, options, .. }) = Question::of(cx, usize::MAX)? else { return pass() };
        let asked = words(&text);
        let worth = |option: &String| match self.config.pick {
            Pick::Overlap => {
                let said = words(option);
                said.intersection(&asked).count() as f64 / said.len().max(1) as f64
            }
            Pick::Longest => option.chars().count() as f64,
            Pick::Shortest => -(option.chars().count() as f64),
            Pick::First => 0.0,
        };
        Ok(answer(&options, options.iter().map(worth)))
    }
}
