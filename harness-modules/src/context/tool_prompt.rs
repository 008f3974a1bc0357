//! `tool_prompt`: writes the visible tools into what the model reads, for models whose chat template knows no tools. Shows what a
//! router left visible, and nothing else.

use harness_abi::{Cx, Event, Message, ModuleError, Outcome, Processor, Role, ToolSpec, pass};
use serde::Deserialize;
use serde_json::Value;

use crate::wording;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    format: Format,
    place: Place,
    header: String,
    instruction: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Names,
    Signatures,
    Schemas,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Before,
    After,
}

/// The processor.
#[derive(Debug)]
pub struct ToolPrompt {
    config: Config,
}

impl ToolPrompt {
    /// Takes the wording.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }

    fn line(&self, tool: &ToolSpec) -> String {
        match self.config.format {
            Format::Names => format!("- {}: {}", tool.name, tool.description),
            Format::Signatures => format!("- {}: {}", signature(tool), tool.description),
            Format::Schemas => {
                let schema = serde_json::json!({
                    "name": tool.name, "description": tool.description, "parameters": tool.input_schema,
                });
                schema.to_string()
            }
        }
    }
}

/// `name(a: integer, b?: string)`.
fn signature(tool: &ToolSpec) -> String {
    let required = tool.input_schema["required"].as_array();
    let parameters = tool.input_schema["properties"].as_object().into_iter().flatten().map(|(name, schema)| {
        let must = required.is_some_and(|names| names.iter().any(|one| one == name));
        let kind = schema["type"].as_str().unwrap_or("any");
        let choices = schema["enum"].as_array().map(|all| {
            let all: Vec<String> = all.iter().map(Value::to_string).collect();
            format!(" {}", all.join("|"))
        });
        format!("{name}{}: {kind}{}", if must { "" } else { "?" }, choices.unwrap_or_default())
    });
    format!("{}({})", tool.name, parameters.collect::<Vec<_>>().join(", "))
}

impl Processor for ToolPrompt {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let tools = cx.tools()?;
        let lines: Vec<String> = cx
            .visible_tools()
            .filter_map(|name| tools.iter().find(|tool| tool.name == name))
            .map(|tool| self.line(tool))
            .collect();
        if lines.is_empty() {
            return pass();
        }
        let block = format!("{}\n{}\n\n{}", self.config.header, lines.join("\n"), self.config.instruction);
        let block = block.trim();
        // Once is enough: what stood in an earlier message still does.
        let said = |message: &Message| message.role() == Role::User && message.text().contains(block);
        if cx.history().iter().any(said) {
            return pass();
        }
        Ok(vec![match self.config.place {
            Place::Before => wording::add_before(cx, block),
            Place::After => wording::add(cx, block),
        }])
    }
}
