//! The environment: a folder of its own for every episode, with the task's files in it. The agent's tools work there; its first
//! reply without a call ends the task. The folder goes when the episode is over and graded.

use std::path::PathBuf;

use harness_abi::{Action, Environment, ModuleError, Observation, Task, TaskQuery, Workspace};
use harness_sandbox::{Choice, Job, Mechanism, choose, run};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Check, Setup, read, setup_files,
    template::{machine, resolve},
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FolderConfig {
    data: PathBuf,
    sha256: String,
    #[serde(rename = "identity")]
    _identity: String,
    at: PathBuf,
    containers: Containers,
    sandbox: Choice,
}

/// What becomes of tasks that were written for a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Containers {
    /// Refused, with what cannot be honoured.
    Refuse,
    /// Run without it.
    Ignore,
}

/// The environment.
#[derive(Debug)]
pub(crate) struct Folder {
    config: FolderConfig,
    folder: Option<tempfile::TempDir>,
    /// What the task calls it.
    at: Option<PathBuf>,
    answer: Option<String>,
}

/// The call by which `oracle` has a solution run; nobody else can make it, because it is not on offer.
const SOLVE: &str = "solve";
/// Milliseconds a solution may take.
const SOLVING: u64 = 600_000;

impl Folder {
    pub fn new(config: FolderConfig) -> Self {
        Self { config, folder: None, at: None, answer: None }
    }

    fn mechanism(&self) -> Result<Mechanism, ModuleError> {
        choose(self.config.sandbox).map_err(ModuleError::config)
    }

    fn place(&self) -> Result<PathBuf, ModuleError> {
        let folder = self.folder.as_ref().ok_or_else(|| ModuleError::input("no task has begun: call reset first"))?;
        Ok(folder.path().to_owned())
    }

    fn solve(&self, arguments: &Value) -> Result<Observation, ModuleError> {
        let check = Check::deserialize(arguments)?;
        let mut job = Job::new(["/bin/bash", "-c", &check.solution], self.place()?);
        job.at.clone_from(&self.at);
        let env = resolve(&check.solution_env, machine).map_err(ModuleError::input)?;
        job.env.extend(env.env.clone());
        job.mounts = check.mounts;
        job.limits.millis = SOLVING;
        let ran = run(&job, self.mechanism()?, &|| false).map_err(ModuleError::fault)?;
        let text = format!("{}[{}]", ran.output.text(|missing| format!("[{missing} bytes cut]")), ran.end);
        Ok(Observation { text: env.redact(&text), ..Observation::default() })
    }
}

impl Environment for Folder {
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        if self.config.data.as_os_str().is_empty() {
            return Err(ModuleError::config("`data` names neither a file of tasks nor a folder of task folders"));
        }
        let without = self.config.containers == Containers::Ignore;
        let tasks =
            read(&self.config.data, &self.config.at, &self.config.sha256, without).map_err(ModuleError::input)?;
        let most = if query.limit == 0 { usize::MAX } else { query.limit };
        let wanted = tasks.into_iter().filter(|task| query.split.is_empty() || task.split == query.split);
        Ok(wanted.take(most).collect())
    }

    fn reset(&mut self, task: &Task, _seed: u64) -> Result<Observation, ModuleError> {
        let setup = Setup::deserialize(&task.data)?;
        let bubblewrap = self.mechanism()? == Mechanism::Bubblewrap;
        if setup.named && !bubblewrap {
            let at = setup.at.display();
            return Err(ModuleError::config(format_args!(
                "task {} names its folder {at}; that needs bubblewrap",
                task.id
            )));
        }
        let fail =
            |error: &dyn std::fmt::Display| ModuleError::fault(format_args!("no folder for task {}: {error}", task.id));
        let folder = tempfile::Builder::new().prefix("harness-task-").tempdir().map_err(|error| fail(&error))?;
        setup_files::all(&setup, folder.path()).map_err(|error| fail(&error))?;
        let path = folder.path().to_str().ok_or_else(|| fail(&"its path is not UTF-8"))?.to_owned();
        self.at = bubblewrap.then_some(setup.at).filter(|at| !at.as_os_str().is_empty());
        let at = self.at.as_ref().map(|at| at.display().to_string()).unwrap_or_default();
        (self.folder, self.answer) = (Some(folder), None);
        Ok(Observation { text: setup.prompt, workspace: Some(Workspace { path, at }), ..Observation::default() })
    }

    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        self.place()?;
        match action {
            Action::Text { text } => {
                self.answer.get_or_insert_with(|| text.clone());
                Ok(Observation { done: true, ..Observation::default() })
            }
            Action::Call { name, arguments } if name == SOLVE => self.solve(arguments),
            _ => {
                let text = "This task offers no tool of its own; use those of the harness, then reply.".to_owned();
                Ok(Observation { text, invalid: true, ..Observation::default() })
            }
        }
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        Ok(json!({"answer": self.answer, "workspace": self.place()?, "at": self.at}))
    }

    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        let check = Check::deserialize(&task.gold)?;
        let text = match &check.answer {
            Value::String(text) => text.clone(),
            Value::Array(all) => all.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let solve = (!check.solution.is_empty())
            .then(|| Ok::<_, ModuleError>(Action::Call { name: SOLVE.to_owned(), arguments: task.gold.clone() }));
        if solve.is_none() && check.answer.is_null() {
            return Err(ModuleError::unsupported(format_args!("task {} has no `solution` to play", task.id)));
        }
        solve.into_iter().chain([Ok(Action::Text { text })]).collect()
    }
}
