//! `action_prompt`: asks for one action, and lists those possible now where the environment knows them.

use harness_abi::{Constraint, Cx, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;

use crate::wording::Aside;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    list: bool,
    limit: usize,
    header: String,
    instruction: String,
    /// Whether what it wrote stays in the conversation.
    keep: bool,
}

/// The processor.
#[derive(Debug)]
pub struct ActionPrompt {
    config: Config,
    aside: Aside,
}

impl ActionPrompt {
    /// Takes the wording.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, aside: Aside::default() })
    }
}

impl Processor for ActionPrompt {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::StepStart if !self.config.keep => return Ok(self.aside.withdraw(cx)),
            Event::BeforeModel => {}
            _ => return pass(),
        }
        let mut block = String::new();
        if self.config.list {
            // A choice that others narrowed says more than what the environment admits.
            let actions = match cx.constraint()? {
                Constraint::Choice { choices } => choices,
                _ => cx.observation()?.unwrap_or_default().admissible,
            };
            if !actions.is_empty() {
                block.push_str(&self.config.header);
                for action in actions.iter().take(self.config.limit) {
                    block.push_str("\n- ");
                    block.push_str(action);
                }
                block.push_str("\n\n");
            }
        }
        block.push_str(&self.config.instruction);
        match block.trim() {
            "" => pass(),
            block => Ok(vec![self.aside.add(cx, block)]),
        }
    }
}
