//! The pack `{{name}}`: a memory that keeps what went wrong and lists it before the model speaks. One instance lives for one episode.

use harness_abi::{Cx, Decision, Event, Outcome, Processor, pass};
use serde::Deserialize;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct Config {
    most: usize,
}

/// What went wrong in this episode, the latest last.
#[derive(Debug)]
pub struct Mishaps {
    most: usize,
    kept: Vec<String>,
}

impl Mishaps {
    fn keep(&mut self, tool: &str, error: &str) {
        self.kept.push(format!("- {tool}: {}", error.lines().next().unwrap_or_default()));
        let over = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..over);
    }

    fn list(&self) -> Option<String> {
        (!self.kept.is_empty()).then(|| format!("What went wrong so far, do not repeat it:\n{}", self.kept.join("\n")))
    }
}

impl Processor for Mishaps {
    /// Called for the hooks pack.toml names. What it answers are decisions: data that the engine checks and records.
    fn on(&mut self, _: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::AfterTool { call, result } => {
                if result.is_error() {
                    self.keep(call.name, &result.text());
                }
                pass()
            }
            Event::BeforeModel => match self.list() {
                Some(text) => Ok(vec![Decision::AppendUser { text: text.into() }]),
                None => pass(),
            },
            _ => pass(),
        }
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: { "mishaps" => |config: Config| Ok(Mishaps { most: config.most, kept: Vec::new() }) },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_errors_are_kept() {
        let mut mishaps = Mishaps { most: 2, kept: Vec::new() };
        assert_eq!(mishaps.list(), None);
        ["one", "two\nand more", "three"].into_iter().for_each(|error| mishaps.keep("dice", error));
        assert!(mishaps.list().is_some_and(|text| text.ends_with("- dice: two\n- dice: three")));
    }
}
