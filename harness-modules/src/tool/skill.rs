//! `skill`: reads a skill out to the model: its instructions, or a file beside them. Refuses paths that leave the skill's folder.

use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

use crate::skill_folder::SkillFolder;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    folder: String,
    max_bytes: usize,
    sha256: String,
}

/// The tool.
#[derive(Debug)]
pub struct SkillTool {
    folder: SkillFolder,
    max_bytes: usize,
}

#[derive(Deserialize)]
struct Arguments {
    name: String,
    #[serde(default)]
    file: String,
}

impl SkillTool {
    /// Reads the skill folder.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, holds a skill that is none, or is not the one that `sha256` names.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { folder: SkillFolder::open(&config.folder, &config.sha256)?, max_bytes: config.max_bytes })
    }

    fn read(&self, arguments: &Arguments) -> Result<String, String> {
        let skill = self.folder.skills.iter().find(|skill| skill.name == arguments.name);
        let skill = skill.ok_or_else(|| format!("no skill `{}`; there are {}", arguments.name, self.folder.names()))?;
        let mut text = if arguments.file.is_empty() { skill.body.clone() } else { skill.read(&arguments.file)? };
        let (whole, cut) = (text.len(), text.floor_char_boundary(self.max_bytes));
        if cut < whole {
            text.truncate(cut);
            text += &format!("\n[cut: {cut} of {whole} bytes are shown]");
        }
        Ok(text)
    }
}

impl Tool for SkillTool {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "skill".to_owned(),
            description: "Reads the instructions of a skill, or a file that they name.".to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "The skill"},
                    "file": {"type": "string", "description": "A file of the skill; the instructions without it"},
                },
                "required": ["name"],
            }),
            read_only: true,
            idempotent: true,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let read = serde_json::from_value(request.arguments()?)
            .map_err(|error| format!("the arguments are not as they should be: {error}"))
            .and_then(|arguments| self.read(&arguments));
        let is_error = read.is_err();
        Ok(ToolOutput { text: read.unwrap_or_else(|why| why), is_error, cost_micros: 0 })
    }
}
