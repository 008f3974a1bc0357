//! `agent`: a task handed to a harness of its own. Says what that harness is asked, and how the tool is shown; the engine plays it. Refuses
//! a task that says nothing.

use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::{self, Refusal};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
pub(crate) struct AgentConfig {
    name: String,
    description: String,
    prompt_chars: usize,
    #[expect(dead_code, reason = "the engine plays it; here it must only be one")]
    harness: Map<String, Value>,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Agent(AgentConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    prompt: String,
}

impl Agent {
    pub fn new(config: AgentConfig) -> Result<Self, ModuleError> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if config.name.is_empty() || config.name.len() > 64 || !config.name.chars().all(good) {
            return Err(ModuleError::config(format_args!(
                "`name`: `{}` is no name for a tool; use up to 64 letters, digits, _ and -",
                config.name
            )));
        }
        Ok(Self(config))
    }

    fn answer(&self, request: &ToolRequest<'_>) -> Result<String, Refusal> {
        let Arguments { prompt } = answer::arguments(request)?;
        let prompt = prompt.trim();
        let length = prompt.chars().count();
        match length {
            0 => Err(Refusal("the prompt is empty; say what is to be done, and all it needs to know".to_owned())),
            _ if length > self.0.prompt_chars => Err(Refusal(format!(
                "the prompt has {length} characters, at most {} are handed on; write long things to a file and name it",
                self.0.prompt_chars
            ))),
            _ => Ok(prompt.to_owned()),
        }
    }
}

impl Tool for Agent {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: self.0.name.clone(),
            description: format!(
                "{} It knows nothing of this conversation: the prompt says it all.",
                self.0.description
            ),
            input_schema: json!({
                "type": "object",
                "properties": {"prompt": {"type": "string", "description": "The task, with all that is needed to do it"}},
                "required": ["prompt"],
                "additionalProperties": false
            }),
            read_only: false,
            idempotent: false,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        answer::output(self.answer(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::tests::call;

    #[test]
    fn what_is_asked_is_what_is_handed_on() {
        let config = |name: &str| AgentConfig {
            name: name.to_owned(),
            description: "Reads.".to_owned(),
            prompt_chars: 8,
            harness: Map::new(),
        };
        let tool = Agent::new(config("reader")).unwrap();
        let nowhere = std::path::Path::new("/");
        let good = call(&tool, nowhere, &json!({"prompt": " look é \n"}));
        assert_eq!((good.text.as_str(), good.is_error), ("look é", false));
        for wrong in [json!({"prompt": " "}), json!({"prompt": "far too long"}), json!({"task": "look"}), json!({})] {
            assert!(call(&tool, nowhere, &wrong).is_error, "{wrong}");
        }
        for wrong in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(Agent::new(config(wrong)).is_err(), "{wrong}");
        }
    }
}
