//! `tool_filter`: shows the tools whose names match, and hides the rest. Patterns know `*` (anything) and `?` (one character).

use harness_abi::{Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    allow: Vec<String>,
    deny: Vec<String>,
}

/// The processor.
#[derive(Debug)]
pub struct ToolFilter {
    config: Config,
}

impl ToolFilter {
    /// Takes the patterns.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }
}

impl Processor for ToolFilter {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let any = |patterns: &[String], name: &str| {
            patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
        };
        let all: Vec<&str> = cx.visible_tools().collect();
        let shown: Vec<&str> =
            all.iter().copied().filter(|name| any(&self.config.allow, name) && !any(&self.config.deny, name)).collect();
        if shown.len() == all.len() { pass() } else { Ok(vec![Decision::show_tools(shown)]) }
    }
}

/// Whether `name` matches; time is the product of the lengths, whatever the pattern.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') => (p, n) = (p + 1, n + 1),
            Some(byte) if *byte == name[n] => (p, n) = (p + 1, n + 1),
            // Let the last star take one character more.
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
