//! The environment: one question, one turn. It records what the agent calls and executes nothing.
//! It never sees a gold answer, except when asked for the oracle's actions.

use std::path::Path;

use harness_abi::{Action, Environment, ModuleError, Observation, Task, TaskQuery, ToolSpec};
use serde::Deserialize;
use serde_json::Value;

use crate::check::Naming;
use crate::data::Dataset;
use crate::error::DataError;
use crate::oracle::oracle_calls;
use crate::payload::{self, FinalState};
use crate::reply;
use crate::schema;
use crate::task::{Call, Category, Message, Role};

/// Configuration of [`FunctionsEnvironment`]; see `pack.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionsConfig {
    /// Folder with BFCL data; empty for the self-written set.
    #[serde(default)]
    pub data: String,
    /// A category's name, or `all`; empty for `live_multiple`.
    #[serde(default)]
    pub category: String,
    /// How functions are named to the model.
    #[serde(default)]
    pub naming: Naming,
}

/// One episode of the benchmark.
#[derive(Debug)]
pub struct FunctionsEnvironment {
    data: String,
    category: Option<Category>,
    naming: Naming,
    episode: Option<Episode>,
}

#[derive(Debug, Default)]
struct Episode {
    shown: Vec<String>,
    state: FinalState,
    done: bool,
}

impl FunctionsEnvironment {
    /// An environment over the data `config` names. The data is read when tasks are listed, not
    /// here: an episode carries its own task.
    ///
    /// # Errors
    /// [`ModuleError`] of class config for an unknown category.
    pub fn new(config: FunctionsConfig) -> Result<Self, ModuleError> {
        let category = match config.category.as_str() {
            "all" => None,
            "" => Some(Category::LiveMultiple),
            name => Some(name.parse().map_err(ModuleError::config)?),
        };
        Ok(Self { data: config.data, category, naming: config.naming, episode: None })
    }

    fn episode(&mut self) -> Result<&mut Episode, ModuleError> {
        self.episode.as_mut().ok_or_else(|| ModuleError::input("no task was begun: call reset first"))
    }
}

impl Environment for FunctionsEnvironment {
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        if !query.split.is_empty() {
            return Err(ModuleError::input(format_args!(
                "function-calling data has no split of its own, {:?} was asked; splits are drawn by group",
                query.split
            )));
        }
        let dataset = if self.data.is_empty() { Dataset::self_written() } else { Dataset::open(Path::new(&self.data)) };
        let dataset = dataset.map_err(|error| data_error(&error))?;
        let categories: Vec<Category> = match self.category {
            Some(category) => vec![category],
            None => dataset.categories().collect(),
        };
        let limit = if query.limit == 0 { usize::MAX } else { query.limit };
        let mut listed = Vec::new();
        for category in categories {
            let tasks = dataset.tasks(category).map_err(|error| data_error(&error))?;
            for task in tasks.iter().take(limit - listed.len()) {
                listed.push(payload::to_record(task)?);
            }
        }
        Ok(listed)
    }

    fn reset(&mut self, task: &Task, _seed: u64) -> Result<Observation, ModuleError> {
        let task = payload::from_record(task)?;
        let tools = schema::tools(&task, self.naming);
        self.episode = Some(Episode {
            shown: tools.iter().map(|tool| tool.name.clone()).collect(),
            state: FinalState { naming: self.naming, ..FinalState::default() },
            done: false,
        });
        let tools = tools
            .into_iter()
            .map(|tool| ToolSpec {
                name: tool.name,
                description: tool.description,
                input_schema: tool.parameters,
                read_only: false,
                idempotent: false,
            })
            .collect();
        Ok(Observation { text: transcript(&task.messages), tools: Some(tools), ..Observation::default() })
    }

    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        let episode = self.episode()?;
        if episode.done {
            let text = "The answer was already given.".to_owned();
            return Ok(Observation { text, done: true, invalid: true, ..Observation::default() });
        }
        Ok(match action {
            Action::Call { name, arguments } => episode.call(Call { name: name.clone(), arguments: arguments.clone() }),
            Action::Text { text } => {
                // A reply may be calls in writing; only a harness without tool calls does that.
                let written = reply::calls(text).unwrap_or_default();
                let invalid = written.into_iter().map(|call| episode.call(call).invalid).fold(false, |a, b| a | b);
                episode.state.text.clone_from(text);
                episode.done = true;
                Observation { done: true, invalid, ..Observation::default() }
            }
            _ => return Err(ModuleError::unsupported("this action is neither text nor a call")),
        })
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        Ok(serde_json::to_value(&self.episode()?.state)?)
    }

    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        let task = payload::from_record(task)?;
        let calls = oracle_calls(&task, self.naming);
        if calls.is_empty() {
            return Ok(vec![Action::Text { text: String::new() }]);
        }
        Ok(calls.into_iter().map(|call| Action::Call { name: call.name, arguments: call.arguments }).collect())
    }
}

impl Episode {
    /// Records a call. Whether it is right is not for the agent to learn, only whether it exists.
    fn call(&mut self, call: Call) -> Observation {
        let known = self.shown.contains(&call.name);
        let shaped = call.arguments.is_object();
        let text = match (known, shaped) {
            (true, true) => "Noted.".to_owned(),
            (true, false) => format!("The arguments of {} must be an object.", call.name),
            (false, _) => format!("There is no function {}.", call.name),
        };
        self.state.calls.push(call);
        Observation { text, invalid: !(known && shaped), ..Observation::default() }
    }
}

/// The conversation as the first observation: the request alone where that is all there is.
fn transcript(messages: &[Message]) -> String {
    if let [only] = messages {
        return only.content.clone();
    }
    let turn = |message: &Message| {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        format!("[{role}]\n{}", message.content)
    };
    messages.iter().map(turn).collect::<Vec<_>>().join("\n\n")
}

fn data_error(error: &DataError) -> ModuleError {
    ModuleError::config(error)
}
