//! `output_constraint`: says what the reply must look like. Constrains nothing when there is nothing to constrain to (no admissible
//! action is known, no tool is visible).

use harness_abi::{Constraint, Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    mode: Mode,
    /// The schema of mode `json_schema`.
    schema: Option<Map<String, Value>>,
    /// Whether the model fills a call's arguments (mode `tool_call`).
    arguments: bool,
    /// Whether it holds in the first step alone.
    first_step_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Free,
    Admissible,
    JsonSchema,
    ToolCall,
}

/// The processor.
#[derive(Debug)]
pub struct OutputConstraint {
    config: Config,
}

impl OutputConstraint {
    /// Checks that a schema is there when one is needed.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        if config.mode == Mode::JsonSchema && config.schema.is_none() {
            return Err(ModuleError::config(
                "output_constraint with mode json_schema needs `schema`; give one or choose another mode",
            ));
        }
        Ok(Self { config })
    }
}

impl Processor for OutputConstraint {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        if self.config.first_step_only && cx.step() > 0 {
            return pass();
        }
        let constraint = match self.config.mode {
            Mode::Free => Constraint::Free,
            Mode::Admissible => {
                let mut choices: Vec<String> = Vec::new();
                for action in cx.observation()?.unwrap_or_default().admissible {
                    if !choices.contains(&action) {
                        choices.push(action);
                    }
                }
                if choices.is_empty() {
                    return pass();
                }
                Constraint::Choice { choices }
            }
            Mode::JsonSchema => {
                Constraint::JsonSchema { schema: self.config.schema.clone().unwrap_or_default().into() }
            }
            Mode::ToolCall if cx.visible_tools().next().is_none() => return pass(),
            Mode::ToolCall => Constraint::ToolCall { arguments: self.config.arguments },
        };
        Ok(vec![Decision::constrain(&constraint)])
    }
}
