//! `note`: what the agent wants to know the next time. A note is a call in the record and nothing else; `harness memory build`
//! gathers those of explore tasks. Refuses empty notes and long ones.

use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

/// The name of the tool, by which its calls are found in a record.
pub const NOTE: &str = "note";

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    width: usize,
    description: String,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct TakeNote(Config);

/// What a call of `note` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    note: String,
}

/// The words of a note in one line; `None` if there are none, or they are no note's arguments.
#[must_use]
pub fn noted(arguments: &str) -> Option<String> {
    let Arguments { note } = serde_json::from_str(arguments).ok()?;
    Some(note.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|note| !note.is_empty())
}

impl TakeNote {
    pub fn new(config: Config) -> Self {
        Self(config)
    }

    /// What the model is told, and whether that is bad news.
    fn answer(&self, arguments: &str) -> (String, bool) {
        match noted(arguments) {
            None => ("a note is one string, `note`, with something in it".to_owned(), true),
            Some(note) if note.chars().count() > self.0.width => {
                let long = note.chars().count();
                (format!("a note of {long} characters; {} are kept: say it shorter", self.0.width), true)
            }
            Some(_) => ("noted".to_owned(), false),
        }
    }
}

impl Tool for TakeNote {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: NOTE.to_owned(),
            description: self.0.description.clone(),
            input_schema: json!({
                "type": "object",
                "properties": {"note": {"type": "string", "description": "One thing, in words that will be understood without this task"}},
                "required": ["note"],
                "additionalProperties": false
            }),
            read_only: true,
            idempotent: true,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let (text, is_error) = self.answer(request.arguments.as_str());
        Ok(ToolOutput { text, is_error, ..ToolOutput::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_one_line_that_says_something() {
        let tool = TakeNote::new(Config { width: 40, description: String::new() });
        let long = json!({"note": "x".repeat(41)}).to_string();
        for (arguments, answer, is_error) in [
            (r#"{"note": "Two\n lines."}"#, "noted", false),
            (r#"{"note": " "}"#, "a note is one string, `note`, with something in it", true),
            (r#"{"text": "x"}"#, "a note is one string, `note`, with something in it", true),
            (&long, "a note of 41 characters; 40 are kept: say it shorter", true),
        ] {
            assert_eq!(tool.answer(arguments), (answer.to_owned(), is_error), "{arguments}");
        }
        assert_eq!(noted(r#"{"note": "Two\n lines."}"#).as_deref(), Some("Two lines."));
    }
}
