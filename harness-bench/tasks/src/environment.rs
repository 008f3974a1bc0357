//! The environment: asks a question, takes the first reply as the answer, and is done. Refuses calls: tools are the
//! harness's own.

use std::path::Path;

use harness_abi::{Action, Environment, ModuleError, Observation, Task, TaskQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::row::{Row, read};

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuestionsConfig {
    data: String,
    sha256: String,
}

/// The environment; nothing is asked until it is reset.
#[derive(Debug)]
pub(crate) struct Questions {
    config: QuestionsConfig,
    asked: bool,
    answer: Option<String>,
}

impl Questions {
    pub fn new(config: QuestionsConfig) -> Self {
        Self { config, asked: false, answer: None }
    }
}

impl Environment for Questions {
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        if self.config.data.is_empty() {
            return Err(ModuleError::config("`data` names no file of tasks; `harness suite new` makes one"));
        }
        let rows = read(Path::new(&self.config.data), &self.config.sha256).map_err(ModuleError::input)?;
        let wanted = rows.into_iter().filter(|row| query.split.is_empty() || row.split == query.split);
        let most = if query.limit == 0 { usize::MAX } else { query.limit };
        Ok(wanted.take(most).map(Task::from).collect())
    }

    fn reset(&mut self, task: &Task, _seed: u64) -> Result<Observation, ModuleError> {
        let text = String::deserialize(&task.data)?;
        (self.asked, self.answer) = (true, None);
        Ok(Observation { text, ..Observation::default() })
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
        Ok(json!({"answer": self.answer}))
    }

    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        let gold = &task.gold;
        let row = Row {
            id: task.id.clone(),
            prompt: task.prompt.clone(),
            answer: gold["answer"].clone(),
            example: gold["example"].as_str().unwrap_or_default().to_owned(),
            group: String::new(),
            kind: String::new(),
            split: String::new(),
            max_turns: 0,
        };
        let text = row.right().ok_or_else(|| {
            ModuleError::unsupported(format_args!("task {} has neither an answer nor an `example` to play", task.id))
        })?;
        Ok(vec![Action::Text { text }])
    }
}
