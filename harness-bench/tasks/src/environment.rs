//! The environment: asks a question, says what its options are where it has any, takes the first reply as the answer, and is done. Refuses calls: tools are the
//! harness's own.

use std::path::Path;

use harness_abi::{Action, Environment, ModuleError, Observation, Task, TaskQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    choice::Asked,
    row::{Row, read},
    shipped,
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuestionsConfig {
    data: String,
    sha256: String,
    /// Rows that come with the pack, by name; `data` goes before them.
    shipped: String,
    /// Whether options are shown in an order that task and seed decide.
    shuffle: bool,
}

/// The environment; nothing is asked until it is reset.
#[derive(Debug)]
pub(crate) struct Questions {
    config: QuestionsConfig,
    asked: bool,
    options: Vec<String>,
    answer: Option<String>,
}

impl Questions {
    pub fn new(config: QuestionsConfig) -> Self {
        Self { config, asked: false, options: Vec::new(), answer: None }
    }
}

impl Environment for Questions {
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        let QuestionsConfig { data, sha256, shipped, .. } = &self.config;
        let rows = match (data.as_str(), shipped.as_str()) {
            ("", "") => {
                return Err(ModuleError::config("`data` names no file of tasks; `harness suite new` makes one"));
            }
            ("", name) => shipped::rows(name)?,
            (path, _) => read(Path::new(path), sha256).map_err(ModuleError::input)?,
        };
        let wanted = rows.into_iter().filter(|row| query.split.is_empty() || row.split == query.split);
        let most = if query.limit == 0 { usize::MAX } else { query.limit };
        Ok(wanted.take(most).map(Task::from).collect())
    }

    fn reset(&mut self, task: &Task, seed: u64) -> Result<Observation, ModuleError> {
        let (text, options) = Asked::deserialize(&task.data)?.shown(&task.id, seed, self.config.shuffle);
        (self.asked, self.answer) = (true, None);
        self.options.clone_from(&options);
        Ok(Observation { text, admissible: options, ..Observation::default() })
    }

    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        if !self.asked {
            return Err(ModuleError::input("nothing was asked: call reset first"));
        }
        let Action::Text { text } = action else {
            let text = "This question takes an answer in words, not a call.".to_owned();
            return Ok(Observation { text, invalid: true, ..Observation::default() });
        };
        self.answer.get_or_insert_with(|| text.clone());
        Ok(Observation { done: true, ..Observation::default() })
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        Ok(match self.options.is_empty() {
            true => json!({"answer": self.answer}),
            // In the order in which they were shown: what a letter meant is on record.
            false => json!({"answer": self.answer, "options": self.options}),
        })
    }

    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        let gold = &task.gold;
        let row = Row {
            id: task.id.clone(),
            answer: gold["answer"].clone(),
            example: gold["example"].as_str().unwrap_or_default().to_owned(),
            ..Row::default()
        };
        let text = row.right().ok_or_else(|| {
            ModuleError::unsupported(format_args!("task {} has neither an answer nor an `example` to play", task.id))
        })?;
        Ok(vec![Action::Text { text }])
    }
}
