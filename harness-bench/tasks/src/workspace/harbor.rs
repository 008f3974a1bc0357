//! Task folders as Harbor lays them out: `task.toml`, `instruction.md`, `environment/`, `tests/test.sh`, `solution/solve.sh`, a
//! reward in `/logs/verifier`. Read as they are; refuses what needs a container, naming it, unless told to go without.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use harness_abi::Task;
use harness_sandbox::Mount;
use serde::Deserialize;

use super::{Check, Setup, WorkspaceError, docker, task};

/// The parts of `task.toml` that matter here; the format has more and may grow.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    metadata: Metadata,
    verifier: Judging,
    environment: Surroundings,
    steps: Option<toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    category: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Judging {
    timeout_sec: Option<f64>,
    env: BTreeMap<String, String>,
    environment_mode: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Surroundings {
    docker_image: Option<String>,
    env: BTreeMap<String, String>,
    gpus: Option<f64>,
    mcp_servers: Vec<toml::Value>,
    healthcheck: Option<toml::Value>,
    allow_internet: Option<bool>,
}

/// Where one works if nothing says otherwise.
const FOLDER: &str = "/app";

/// All task folders in `folder`, by name.
pub(super) fn read(folder: &Path, without_containers: bool) -> Result<Vec<Task>, WorkspaceError> {
    let folder = folder.canonicalize().map_err(WorkspaceError::io(folder))?;
    let entries = fs::read_dir(&folder).map_err(WorkspaceError::io(&folder))?;
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("task.toml").is_file()).collect();
    // A folder that is a task itself.
    if found.is_empty() && folder.join("task.toml").is_file() {
        found.push(folder.clone());
    }
    found.sort();
    let (mut tasks, mut faults) = (Vec::new(), Vec::new());
    for path in &found {
        match one(path, without_containers) {
            Ok(task) => tasks.push(task),
            Err(why) => faults.push(format!("{}: {why}", path.file_name().unwrap_or_default().display())),
        }
    }
    match (faults.is_empty(), tasks.is_empty()) {
        (false, _) => Err(WorkspaceError::faults(&folder, faults)),
        (_, true) => Err(WorkspaceError::Empty { path: folder }),
        _ => Ok(tasks),
    }
}

fn text(path: &Path) -> Result<String, String> {
    let name = path.file_name().unwrap_or_default().display();
    fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))
}

/// What a `task.toml` says.
fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| format!("task.toml: {error}"))
}

/// What `text` asks for as a `task.toml`, and as a Dockerfile beside it, that no folder can give.
pub(super) fn asks(text: &str, beside: &Path) -> Result<Vec<String>, String> {
    let mut asks = docker::read(text, beside).missing;
    asks.extend(needs(&parse(text)?, beside));
    Ok(asks)
}

fn one(folder: &Path, without_containers: bool) -> Result<Task, String> {
    let file = parse(&text(&folder.join("task.toml"))?)?;
    let prompt = text(&folder.join("instruction.md"))?.trim().to_owned();
    if prompt.is_empty() {
        return Err("instruction.md is empty".to_owned());
    }
    let (tests, solution, beside) = (folder.join("tests"), folder.join("solution"), folder.join("environment"));
    if !tests.join("test.sh").is_file() {
        return Err("it has no tests/test.sh".to_owned());
    }
    let dockerfile = beside.join("Dockerfile");
    let mut docker = match dockerfile.is_file() {
        true => docker::read(&text(&dockerfile)?, &beside),
        false => docker::Docker::default(),
    };
    docker.missing.extend(needs(&file, &beside));
    if !docker.missing.is_empty() && !without_containers {
        let missing = docker.missing.join("`, `");
        return Err(format!(
            "it needs a container for `{missing}`; `containers = \"ignore\"` in its environment's config runs it without"
        ));
    }
    let show = |from: &Path, to: &str| Mount { from: from.to_owned(), to: PathBuf::from(to), write: false };
    let solves = solution.join("solve.sh").is_file();
    let mut mounts = vec![show(&tests, "/tests")];
    if solves {
        mounts.push(show(&solution, "/solution"));
    }
    let setup = Setup {
        prompt,
        copies: docker.copies,
        at: docker.folder.unwrap_or_else(|| PathBuf::from(FOLDER)),
        named: true,
        ..Setup::default()
    };
    let check = Check {
        check: "bash /tests/test.sh".to_owned(),
        solution: if solves { "bash /solution/solve.sh".to_owned() } else { String::new() },
        millis: file.verifier.timeout_sec.map_or(0, |seconds| (seconds * 1000.0) as u64),
        env: file.verifier.env,
        mounts,
        reward: true,
        ..Check::default()
    };
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut task = task(&id, setup, check).map_err(|error| error.to_string())?;
    task.kind = file.metadata.category;
    Ok(task)
}

/// What `task.toml` and the folder beside it ask for that no folder can give.
fn needs(file: &File, beside: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let around = &file.environment;
    all.extend(around.docker_image.iter().map(|image| format!("docker_image = {image}")));
    all.extend(around.gpus.filter(|gpus| *gpus > 0.0).map(|gpus| format!("gpus = {gpus}")));
    all.extend((!around.env.is_empty()).then(|| "environment.env".to_owned()));
    all.extend((!around.mcp_servers.is_empty()).then(|| "environment.mcp_servers".to_owned()));
    all.extend(around.healthcheck.as_ref().map(|_| "environment.healthcheck".to_owned()));
    all.extend(file.steps.as_ref().map(|_| "steps".to_owned()));
    all.extend(around.allow_internet.filter(|allowed| *allowed).map(|_| "allow_internet".to_owned()));
    all.extend(
        file.verifier
            .environment_mode
            .iter()
            .filter(|mode| *mode != "shared")
            .map(|mode| format!("environment_mode = {mode}")),
    );
    for compose in ["docker-compose.yaml", "docker-compose.yml"] {
        all.extend(beside.join(compose).exists().then(|| compose.to_owned()));
    }
    all
}
