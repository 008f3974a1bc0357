//! The pack `{{name}}`: a processor that ends the system prompt with a reminder.

use harness_abi::{Cx, Decision, Event, Outcome, Processor, pass};
use serde::Deserialize;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct Reminder {
    text: String,
}

impl Reminder {
    fn prompt(&self, system: &str) -> String {
        format!("{system}\n{}", self.text).trim_start().to_owned()
    }
}

impl Processor for Reminder {
    /// Called for the hooks pack.toml names. What it answers are decisions: data that the engine checks and records.
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::TaskStart => Ok(vec![Decision::system(self.prompt(cx.system()))]),
            _ => pass(),
        }
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: { "reminder" => |config: Reminder| Ok(config) },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reminder_comes_last() {
        let reminder = Reminder { text: "Be brief.".into() };
        assert_eq!(reminder.prompt("You are a cook."), "You are a cook.\nBe brief.");
        assert_eq!(reminder.prompt(""), "Be brief.");
    }
}
