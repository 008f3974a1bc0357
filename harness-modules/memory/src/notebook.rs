//! `notebook`: when a task begins, says in the system prompt what was noted during others. Refuses a memory that is not the one it
//! was made for.

use std::path::PathBuf;

use harness_abi::{Cx, Decision, Event, ModuleError, Outcome, Processor, Role, pass};
use serde::Deserialize;
use serde_json::json;

use crate::file::Memory;

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    file: PathBuf,
    sha256: String,
    count: usize,
    header: String,
}

/// The processor.
#[derive(Debug)]
pub(crate) struct Notebook {
    memory: Memory,
    count: usize,
    header: String,
}

impl Notebook {
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        let memory = Memory::open(&config.file, &config.sha256)
            .map_err(|error| ModuleError::config(format_args!("notebook: {error}")))?;
        Ok(Self { memory, count: config.count, header: config.header })
    }
}

impl Processor for Notebook {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::TaskStart = event else { return pass() };
        let Some(task) = cx.history().iter().rfind(|message| message.role() == Role::User) else { return pass() };
        let notes = self.memory.notes(&task.text(), self.count)?;
        // What was shown, out of which memory, is part of the evidence.
        let episodes: Vec<&str> = notes.iter().map(|note| note.episode.as_str()).collect();
        let evidence = Decision::annotate("notebook", &json!({"sha256": self.memory.sha256, "episodes": episodes}));
        if notes.is_empty() {
            return Ok(vec![evidence]);
        }
        let lines: Vec<String> = notes.iter().map(|note| format!("- {}", note.note)).collect();
        let text = format!("{}\n\n{}\n{}", cx.system(), self.header, lines.join("\n"));
        Ok(vec![evidence, Decision::system(text.trim())])
    }
}
