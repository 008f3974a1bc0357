//! The pack `{{name}}`: a tool that counts words.

use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct CountWords {
    least: usize,
}

impl CountWords {
    fn count(&self, text: &str) -> usize {
        text.split_whitespace().filter(|word| word.chars().count() >= self.least).count()
    }
}

impl Tool for CountWords {
    /// What the model is told.
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "count_words".into(),
            description: "Count the words of a text.".into(),
            input_schema: json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}),
            read_only: true,
            idempotent: true,
        }]
    }

    /// What the model should mend is an output with `is_error`; an `Err` is a fault of the tool.
    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let arguments = request.arguments()?;
        Ok(match arguments["text"].as_str() {
            Some(text) => ToolOutput { text: self.count(text).to_string(), ..ToolOutput::default() },
            None => ToolOutput { text: "`text` must be a string".into(), is_error: true, ..ToolOutput::default() },
        })
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    tools: { "count_words" => |config: CountWords| Ok(config) },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_words_do_not_count() {
        assert_eq!(CountWords { least: 1 }.count("to be or not"), 4);
        assert_eq!(CountWords { least: 3 }.count("to be or not"), 1);
    }
}
