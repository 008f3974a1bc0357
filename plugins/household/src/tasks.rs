//! The tasks there are: game files in a folder, or games made from seeds. Reads files, never writes.

use std::fs;
use std::path::{Path, PathBuf};

use harness_abi::{ModuleError, Task};
use household_engine::{GameFile, SCENES, TaskType, generate_in};
use serde_json::json;

/// The folder's layout version, as its publisher names it.
const LAYOUT: &str = "json_2.1.1";
/// The file a game is in.
const FILE: &str = "game.tw-pddl";
/// Scenes of made games that belong to `train`; the rest is `valid_unseen`.
const TRAIN_SCENES: u16 = 20;

/// The folder that holds the splits.
fn root(data: &Path) -> PathBuf {
    let inner = data.join(LAYOUT);
    if inner.is_dir() { inner } else { data.to_owned() }
}

fn folders(of: &Path) -> Result<Vec<String>, ModuleError> {
    let fail = |error| ModuleError::config(format_args!("cannot list {}: {error}; check `data`", of.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(of).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.path().is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The tasks of a folder: `split/task/trial/game.tw-pddl`. Leaves out what the benchmark leaves out: movable receptacles,
/// slicing, and games marked unsolvable.
pub fn recorded(data: &Path, wanted: &str) -> Result<Vec<Task>, ModuleError> {
    let root = root(data);
    let mut tasks = Vec::new();
    for split in folders(&root)?.into_iter().filter(|split| wanted.is_empty() || split == wanted) {
        for group in folders(&root.join(&split))? {
            if group.contains("movable") || group.contains("Sliced") {
                continue;
            }
            for trial in folders(&root.join(&split).join(&group))? {
                let id = format!("{split}/{group}/{trial}");
                // A look at the text is enough here: the game is read when it is played.
                let Ok(text) = fs::read_to_string(root.join(&id).join(FILE)) else { continue };
                if text.contains("\"solvable\": false") || !text.contains("\"solvable\"") {
                    continue;
                }
                let kind = group.split('-').next().unwrap_or_default().to_owned();
                tasks.push(Task { id, group: group.clone(), split: split.clone(), kind, ..Task::default() });
            }
        }
    }
    Ok(tasks)
}

/// Games made from seeds: `train` and, in other rooms and from other seeds, `valid_unseen`.
pub fn made(seed: u64, train: u32, unseen: u32, wanted: &str) -> Vec<Task> {
    let splits = [("train", 0, train, 0..TRAIN_SCENES), ("valid_unseen", 1, unseen, TRAIN_SCENES..SCENES)];
    let mut tasks = Vec::new();
    for (split, place, count, scenes) in splits {
        if !wanted.is_empty() && split != wanted {
            continue;
        }
        for index in 0..u64::from(count) {
            // Two bits of split and 30 of index below the query's seed: no seed is ever shared.
            let seed = (seed << 32) | (place << 30) | index;
            let kind = TaskType::ALL.get(index as usize % TaskType::ALL.len()).copied();
            let game = generate_in(seed, kind, scenes.clone());
            tasks.push(Task {
                id: format!("{split}/{}", game.id),
                group: game.group,
                split: split.to_owned(),
                kind: game.task_type.name().to_owned(),
                data: json!({"seed": seed, "kind": game.task_type.name(), "scenes": [scenes.start, scenes.end]}),
                ..Task::default()
            });
        }
    }
    tasks
}

/// The game file of a task.
pub fn game_file(data: &str, task: &Task) -> Result<GameFile, ModuleError> {
    if let (Some(seed), Some(kind)) = (task.data["seed"].as_u64(), task.data["kind"].as_str()) {
        let kind: TaskType = kind.parse().map_err(ModuleError::input)?;
        let scene = |at: usize| task.data["scenes"][at].as_u64().and_then(|scene| u16::try_from(scene).ok());
        let scenes = scene(0).unwrap_or(0)..scene(1).unwrap_or(SCENES);
        return Ok(generate_in(seed, Some(kind), scenes).file);
    }
    let inside = !task.id.is_empty() && task.id.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
    if data.is_empty() || !inside {
        let why = "neither a made game nor a path below `data`";
        return Err(ModuleError::input(format_args!("task `{}` is {why}", task.id)));
    }
    let path = root(Path::new(data)).join(&task.id).join(FILE);
    let fail = |error: &dyn std::fmt::Display| ModuleError::input(format_args!("{}: {error}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| fail(&error))?;
    GameFile::from_json(&text).map_err(|error| fail(&error))
}
