//! Rows of a file: a prompt, files to write, a script that judges. Refuses a file in which any row is at fault.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use harness_abi::Task;
use serde::Deserialize;
use serde_json::Value;

use super::{Check, Setup, WorkspaceError, setup_files, task};
use crate::{input, row::digest};

/// A row as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    prompt: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// A folder to copy, relative to the file.
    #[serde(default)]
    folder: Option<PathBuf>,
    #[serde(default)]
    check: String,
    #[serde(default)]
    solution: String,
    #[serde(default, deserialize_with = "input::answer")]
    answer: Value,
    #[serde(default)]
    seconds: u64,
    #[serde(default)]
    group: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    split: String,
    #[serde(default)]
    max_turns: u32,
}

/// All rows of the file as tasks; `sha256` is the digest it must have, if any.
pub(super) fn read(path: &Path, at: &Path, sha256: &str) -> Result<Vec<Task>, WorkspaceError> {
    let bytes = harness_files::read(path, input::MOST).map_err(WorkspaceError::io(path))?;
    if !sha256.is_empty() && digest(&bytes) != sha256 {
        return Err(WorkspaceError::Changed { path: path.to_owned() });
    }
    parse(&bytes, path, at)
}

/// The rows in the bytes of the file at `path`.
pub(super) fn parse(bytes: &[u8], path: &Path, at: &Path) -> Result<Vec<Task>, WorkspaceError> {
    let text = input::text(bytes).map_err(|error| WorkspaceError::faults(path, vec![error.to_string()]))?;
    let (mut tasks, mut faults, mut known) = (Vec::new(), Vec::new(), HashMap::<String, usize>::new());
    let lines = text.lines().enumerate();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()).map(|(at, line)| (at + 1, line)) {
        match one(line, path.parent().unwrap_or(Path::new("")), at) {
            Ok(task) => {
                if let Some(first) = known.insert(task.id.clone(), number) {
                    faults.push(format!("line {number}: task {:?} is already in line {first}", task.id));
                }
                tasks.push(task);
            }
            Err(why) => faults.push(format!("line {number}: {why}")),
        }
    }
    match (faults.is_empty(), tasks.is_empty()) {
        (false, _) => Err(WorkspaceError::faults(path, faults)),
        (_, true) => Err(WorkspaceError::Empty { path: path.to_owned() }),
        _ => Ok(tasks),
    }
}

fn one(line: &str, beside: &Path, at: &Path) -> Result<Task, String> {
    let row: Row = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let fault = |why: &str| Err(format!("task {:?} {why}", row.id));
    if row.id.trim().is_empty() {
        return Err("the id is empty".to_owned());
    }
    if row.prompt.trim().is_empty() {
        return fault("has an empty prompt");
    }
    if row.check.trim().is_empty() && row.answer.is_null() {
        return fault("has neither a `check`, the script that judges, nor an `answer`");
    }
    for path in row.files.keys() {
        setup_files::inside(path).map_err(|error| format!("task {:?}: {error}", row.id))?;
    }
    let mut copies = Vec::new();
    if let Some(folder) = &row.folder {
        let folder = beside.join(folder);
        let real =
            folder.canonicalize().map_err(|error| format!("task {:?}: {}: {error}", row.id, folder.display()))?;
        let beside = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
        if !beside.canonicalize().is_ok_and(|beside| real.starts_with(beside)) {
            return fault(&format!("has the folder {}, which is not beneath the file of tasks", folder.display()));
        }
        copies.push((real, PathBuf::from(".")));
    }
    let setup = Setup { prompt: row.prompt, files: row.files, copies, at: at.to_owned(), named: false };
    let check = Check {
        answer: row.answer,
        check: row.check,
        solution: row.solution,
        millis: row.seconds.saturating_mul(1000),
        ..Check::default()
    };
    let mut task = task(&row.id, setup, check).map_err(|error| error.to_string())?;
    if !row.group.is_empty() {
        task.group = row.group;
    }
    (task.kind, task.split, task.max_turns) = (row.kind, row.split, row.max_turns);
    Ok(task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_at_fault_are_named() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("tasks.jsonl");
        for (text, expected) in [
            ("{\"id\":\"a\",\"prompt\":\"p\"}", "line 1: task \"a\" has neither a `check`"),
            ("{\"id\":\"a\",\"prompt\":\" \",\"check\":\"true\"}", "line 1: task \"a\" has an empty prompt"),
            ("{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"chek\":1}", "unknown field `chek`"),
            ("{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"folder\":\"none\"}", "none: No such file"),
            ("{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"folder\":\"/etc\"}", "not beneath the file of tasks"),
            ("{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"folder\":\"..\"}", "not beneath the file of tasks"),
            ("{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"files\":{\"../x\":\"\"}}", "outside the workspace"),
            (
                "{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\"}\n{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\"}",
                "line 2: task \"a\" is already in line 1",
            ),
            ("\n", "holds no task"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path, Path::new("/workspace"), "").unwrap_err().to_string();
            assert!(error.contains(expected), "{error} should say {expected}");
        }
        std::fs::write(&path, "{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"solution\":\"x\"}").unwrap();
        let task = read(&path, Path::new("/workspace"), "").unwrap().remove(0);
        assert_eq!((&*task.id, &*task.prompt, &task.gold["check"]), ("a", "p", &Value::from("true")));
        assert!(
            !task.data.to_string().contains("true\"") && !task.data.to_string().contains("solution"),
            "{}",
            task.data
        );
        assert!(matches!(read(&path, Path::new("/w"), "00"), Err(WorkspaceError::Changed { .. })));
        let patient = format!("{{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"seconds\":{}}}", u64::MAX);
        assert_eq!(parse(patient.as_bytes(), &path, Path::new("/w")).unwrap()[0].gold["millis"], u64::MAX);
    }
}
