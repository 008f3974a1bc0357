//! The pack `{{name}}`: a tool router that shows the model only the tools that share most words with the request.

use std::collections::HashSet;

use harness_abi::{Cx, Decision, Event, Outcome, Processor, Role, ToolSpec, pass};
use serde::Deserialize;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct ByWords {
    most: usize,
}

fn words(text: &str) -> HashSet<String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() > 2).map(str::to_lowercase).collect()
}

impl ByWords {
    /// The names to show, best first; among equals the given order stays.
    fn best(&self, request: &str, tools: &[ToolSpec]) -> Vec<String> {
        let wanted = words(request);
        let shared = |tool: &ToolSpec| words(&format!("{} {}", tool.name, tool.description)).intersection(&wanted).count();
        let mut ranked: Vec<&ToolSpec> = tools.iter().collect();
        ranked.sort_by_key(|tool| std::cmp::Reverse(shared(tool)));
        ranked.into_iter().take(self.most).map(|tool| tool.name.clone()).collect()
    }
}

impl Processor for ByWords {
    /// Called for the hooks pack.toml names. What it answers are decisions: data that the engine checks and records.
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let Some(request) = cx.history().iter().rfind(|message| message.role() == Role::User) else { return pass() };
        // A router narrows what is shown; it never shows what was hidden before it.
        let visible: Vec<&str> = cx.visible_tools().collect();
        let mut tools = cx.tools()?;
        tools.retain(|tool| visible.contains(&tool.name.as_str()));
        if tools.len() <= self.most {
            return pass();
        }
        Ok(vec![Decision::show_tools(self.best(&request.text(), &tools))])
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: { "by_words" => |config: ByWords| Ok(config) },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_words_with_the_request_comes_first() {
        let tool = |name: &str, description: &str| ToolSpec {
            name: name.into(),
            description: description.into(),
            input_schema: serde_json::json!({"type": "object"}),
            read_only: true,
            idempotent: true,
        };
        let tools = [tool("dice", "Throw a die."), tool("weather", "Tells the weather of a city.")];
        assert_eq!(ByWords { most: 1 }.best("How is the weather in Rome?", &tools), ["weather"]);
        assert_eq!(ByWords { most: 2 }.best("Hello!", &tools), ["dice", "weather"]);
    }
}
