//! `recall`: when a task begins, looks past tasks up that are like it and says in the system prompt what worked. Refuses a memory
//! that is not the one it was made for.

use std::path::PathBuf;

use harness_abi::{Cx, Decision, Event, ModuleError, Outcome, Processor, Role, pass};
use serde::Deserialize;
use serde_json::json;

use crate::file::{Memory, MemoryError, Past};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    file: PathBuf,
    sha256: String,
    count: usize,
    width: usize,
    header: String,
}

/// The processor.
#[derive(Debug)]
pub(crate) struct Recall {
    memory: Memory,
    config: Config,
}

impl From<MemoryError> for ModuleError {
    fn from(error: MemoryError) -> Self {
        Self::config(format_args!("recall: {error}"))
    }
}

impl Recall {
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { memory: Memory::open(&config.file, &config.sha256)?, config })
    }

    fn shown(&self, past: &Past) -> String {
        let text = format!("Task: {}\n{}", past.task.trim(), past.worked.trim());
        match text.char_indices().nth(self.config.width) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

impl Processor for Recall {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::TaskStart = event else { return pass() };
        let Some(task) = cx.history().iter().rfind(|message| message.role() == Role::User) else { return pass() };
        let found = self.memory.like(&task.text(), self.config.count)?;
        // What was recalled, from which memory, is part of the evidence.
        let episodes: Vec<&str> = found.iter().map(|past| past.episode.as_str()).collect();
        let note = Decision::annotate("recall", &json!({"sha256": self.memory.sha256, "episodes": episodes}));
        if found.is_empty() {
            return Ok(vec![note]);
        }
        let shown: Vec<String> = found.iter().map(|past| self.shown(past)).collect();
        let text = format!("{}\n\n{}\n\n{}", cx.system(), self.config.header, shown.join("\n\n"));
        Ok(vec![note, Decision::system(text.trim())])
    }
}
