//! `skills`: says in the system prompt which skills there are, by name and description; their instructions are read when they are
//! needed, with the tool `std/skill`. Refuses a skill folder that is wrong or changed when it is built.

use harness_abi::{Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;
use serde_json::json;

use crate::skill_folder::SkillFolder;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    folder: String,
    only: Vec<String>,
    header: String,
    sha256: String,
}

/// The processor.
#[derive(Debug)]
pub struct Skills {
    text: String,
    sha256: String,
}

impl Skills {
    /// Reads the skill folder.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, holds a skill that is none, or is not the one that `sha256` names.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        let folder = SkillFolder::open(&config.folder, &config.sha256)?;
        let skills = folder.named(&config.only)?;
        let lines = skills.iter().map(|skill| {
            format!("- {}: {}", skill.name, skill.description.split_whitespace().collect::<Vec<_>>().join(" "))
        });
        let text = std::iter::once(config.header).chain(lines).collect::<Vec<_>>().join("\n");
        Ok(Self { text, sha256: folder.sha256 })
    }
}

impl Processor for Skills {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::TaskStart = event else { return pass() };
        let system = [cx.system(), &self.text].join("\n\n");
        // Which words the model was given is part of the evidence.
        Ok(vec![Decision::annotate("skills", &json!({"sha256": self.sha256})), Decision::system(system.trim())])
    }
}
