//! The smallest module pack: a processor that adds a line to the system prompt, and a tool that throws a die.

use harness_abi::{
    Cx, Decision, Event, ModuleError, NoConfig, Outcome, Processor, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec,
    pass,
};
use serde::Deserialize;
use serde_json::json;

/// Configuration of [`Greeter`].
#[derive(Debug, Deserialize)]
pub struct Greeter {
    greeting: String,
}

impl Processor for Greeter {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::TaskStart => Ok(vec![Decision::system(format!("{}\n{}", cx.system(), self.greeting).trim_start())]),
            _ => pass(),
        }
    }
}

/// A die of any number of sides.
#[derive(Debug)]
pub struct Dice;

impl Tool for Dice {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "dice".into(),
            description: "Throw a die.".into(),
            input_schema: json!({"type": "object", "properties": {"sides": {"type": "integer", "minimum": 1}}, "required": ["sides"]}),
            read_only: true,
            idempotent: false,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let output = match request.arguments()?["sides"].as_u64() {
            Some(sides) if sides > 0 => {
                ToolOutput { text: (request.seed % sides + 1).to_string(), ..ToolOutput::default() }
            }
            _ => ToolOutput {
                text: "sides must be a whole number above 0".into(),
                is_error: true,
                ..ToolOutput::default()
            },
        };
        Ok(output)
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: { "greeter" => |config: Greeter| Ok(config) },
    tools: { "dice" => |_: NoConfig| Ok(Dice) },
}
