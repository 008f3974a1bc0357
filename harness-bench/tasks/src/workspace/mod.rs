//! Tasks that are done in a folder: files are placed, tools work on them, a command judges what is left. From rows of a file, or
//! from folders as Harbor lays them out. Refuses a task any part of which cannot be honoured, unless it is told to go without.

mod command;
mod docker;
mod environment;
mod error;
mod harbor;
mod row;
mod setup_files;
mod template;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use harness_abi::Task;
use harness_sandbox::Mount;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use command::Command;
pub(crate) use environment::Folder;
use error::WorkspaceError;

/// What the environment is told of a task: everything but how it is graded.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Setup {
    /// What the agent is asked.
    prompt: String,
    /// Files to place, by path.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Folders and files to copy: from where, and to which path in the workspace.
    #[serde(default)]
    copies: Vec<(PathBuf, PathBuf)>,
    /// What the task calls its folder.
    at: PathBuf,
    /// Whether that name is used in the task's own scripts, so that it must be so.
    #[serde(default)]
    named: bool,
}

/// What the grader is told of a task besides.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Check {
    /// What other graders compare the reply with.
    #[serde(default)]
    answer: Value,
    /// The script that judges, run by bash.
    check: String,
    /// The script that solves the task; empty where none is known.
    #[serde(default)]
    solution: String,
    /// Milliseconds the judging script may take; 0 leaves it to the grader.
    #[serde(default)]
    millis: u64,
    /// Variables of the judging script.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Variables of the script that solves the task.
    #[serde(default)]
    solution_env: BTreeMap<String, String>,
    /// What is shown to the scripts besides the workspace.
    #[serde(default)]
    mounts: Vec<Mount>,
    /// Whether a script that leaves no reward has failed, whatever its exit code.
    #[serde(default)]
    reward: bool,
}

/// The task with these halves; the rest is set by whoever read it.
fn task(id: &str, setup: Setup, check: Check) -> Result<Task, serde_json::Error> {
    let prompt = setup.prompt.clone();
    let (data, gold) = (serde_json::to_value(setup)?, serde_json::to_value(check)?);
    Ok(Task { id: id.to_owned(), group: id.to_owned(), prompt, data, gold, ..Task::default() })
}

/// All tasks at `data`: rows of a file, or a folder of task folders.
fn read(data: &Path, at: &Path, digest: &str, without_containers: bool) -> Result<Vec<Task>, WorkspaceError> {
    match data.is_dir() {
        true => harbor::read(data, without_containers),
        false => row::read(data, at, digest),
    }
}

/// Variables of this machine that scripts of the tasks at `data` are given: those of a folder of task folders; rows name none.
pub fn script_variables(data: &Path) -> Vec<String> {
    if data.is_dir() { harbor::variables(data) } else { Vec::new() }
}

/// Reads `bytes` as rows and as the files of Harbor's folders; gives how many tasks there were. For a fuzzer.
pub(crate) fn fuzz(bytes: &[u8]) -> usize {
    // A folder that is not there: nothing beside the files is found.
    let nowhere = Path::new("/nowhere/at/all");
    let rows = row::parse(bytes, &nowhere.join("tasks"), nowhere).map_or(0, |tasks| tasks.len());
    rows + std::str::from_utf8(bytes).map_or(0, |text| usize::from(harbor::missing(text, nowhere).is_ok()))
}
