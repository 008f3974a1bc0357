//! Task folders as Harbor lays them out: `task.toml`, `instruction.md`, `environment/`, `tests/test.sh`, `solution/solve.sh`, a
//! reward in `/logs/verifier`. Read as they are; refuses what needs a container, naming it, unless told to go without.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use harness_abi::Task;
use harness_sandbox::Mount;
use serde::Deserialize;
use toml::Value;

use super::{
    Check, Setup, WorkspaceError, docker, task,
    template::{machine, resolve, template},
};
use crate::input;

/// What is known of `task.toml`. What is not is named like what cannot be given: a key that is passed over may be what matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    metadata: Metadata,
    verifier: Judging,
    agent: Agent,
    environment: Surroundings,
    solution: Solving,
    steps: Option<Value>,
    artifacts: Option<Value>,
    #[serde(flatten)]
    rest: Unknown,
}

type Unknown = BTreeMap<String, Value>;

/// Keys that say something for people or registries, and nothing of how a task is run.
const ABOUT: [&str; 5] = ["version", "schema_version", "task", "source", "multi_step_reward_strategy"];
/// Sizes and times, which the harness's budget and the sandbox's limits are in place of.
const SIZES: [&str; 8] =
    ["build_timeout_sec", "cpus", "memory_mb", "storage_mb", "memory", "storage", "gpu_types", "cpu_limit"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    category: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Judging {
    timeout_sec: Option<f64>,
    env: BTreeMap<String, String>,
    environment_mode: Option<String>,
    #[serde(flatten)]
    person: Person,
    #[serde(flatten)]
    rest: Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Agent {
    /// The harness's budget holds.
    #[serde(rename = "timeout_sec")]
    _timeout_sec: Option<Value>,
    #[serde(flatten)]
    person: Person,
    #[serde(flatten)]
    rest: Unknown,
}

/// As whom and with what reach something is run.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    user: Option<Value>,
    network_mode: Option<String>,
    allowed_hosts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Solving {
    env: BTreeMap<String, String>,
    #[serde(flatten)]
    rest: Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Surroundings {
    docker_image: Option<String>,
    env: BTreeMap<String, String>,
    gpus: Option<f64>,
    mcp_servers: Vec<Value>,
    healthcheck: Option<Value>,
    allow_internet: Option<bool>,
    os: Option<String>,
    workdir: Option<String>,
    skills_dir: Option<String>,
    #[serde(flatten)]
    person: Person,
    #[serde(flatten)]
    rest: Unknown,
}

/// Bytes of a file of a task, at most.
const MOST: u64 = 16 << 20;

/// Where one works if nothing says otherwise.
const FOLDER: &str = "/app";

/// All task folders in `folder`, by name.
pub(super) fn read(folder: &Path, without_containers: bool) -> Result<Vec<Task>, WorkspaceError> {
    let folder = folder.canonicalize().map_err(WorkspaceError::io(folder))?;
    let found = folders(&folder)?;
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

/// The folders of tasks in a folder, in order.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let entries = fs::read_dir(folder).map_err(WorkspaceError::io(folder))?;
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("task.toml").is_file()).collect();
    // A folder that is a task itself.
    if found.is_empty() && folder.join("task.toml").is_file() {
        found.push(folder.to_owned());
    }
    found.sort();
    Ok(found)
}

/// Variables of this machine that scripts are given; a task that cannot be read gives none, and is refused when it is played.
pub(super) fn variables(folder: &Path) -> Vec<String> {
    let files = folders(folder).unwrap_or_default().into_iter().map(|folder| folder.join("task.toml"));
    let tasks = files.filter_map(|file| parse(&text(&file).ok()?).ok());
    let values = tasks.flat_map(|task| task.verifier.env.into_values().chain(task.solution.env.into_values()));
    let names: BTreeSet<String> = values.filter_map(|value| Some(template(&value)?.0.to_owned())).collect();
    names.into_iter().collect()
}

fn text(path: &Path) -> Result<String, String> {
    let name = path.file_name().unwrap_or_default().display();
    input::read(path, MOST).map_err(|error| format!("{name}: {error}"))
}

/// What a `task.toml` says.
fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| format!("task.toml: {error}"))
}

/// What `text` asks for as a `task.toml`, and as a Dockerfile beside it, that no folder can give.
pub(super) fn missing(text: &str, beside: &Path) -> Result<Vec<String>, String> {
    let mut missing = docker::read(text, beside).missing;
    missing.extend(needs(&parse(text)?, beside));
    Ok(missing)
}

fn one(folder: &Path, without_containers: bool) -> Result<Task, String> {
    for part in [
        "task.toml",
        "instruction.md",
        "tests",
        "tests/test.sh",
        "solution",
        "solution/solve.sh",
        "environment",
        "environment/Dockerfile",
    ] {
        let real = folder.join(part).canonicalize();
        if real.is_ok_and(|real| !real.starts_with(folder)) {
            return Err(format!("{part} is a link out of the task's folder"));
        }
    }
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
    let workdir = file.environment.workdir.as_ref().map(PathBuf::from);
    match (&workdir, &docker.folder) {
        (Some(workdir), Some(folder)) if workdir != folder => {
            docker.missing.push(format!("workdir = {} beside WORKDIR {}", workdir.display(), folder.display()));
        }
        (Some(workdir), _) if !workdir.is_absolute() || *workdir == Path::new("/") => {
            docker.missing.push(format!("workdir = {}", workdir.display()));
        }
        _ => {}
    }
    for (name, env) in [("verifier", &file.verifier.env), ("solution", &file.solution.env)] {
        resolve(env, machine).map_err(|why| format!("[{name}.env] {why}"))?;
    }
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
        at: workdir.or(docker.folder).unwrap_or_else(|| PathBuf::from(FOLDER)),
        named: true,
        ..Setup::default()
    };
    let check = Check {
        check: "bash /tests/test.sh".to_owned(),
        solution: if solves { "bash /solution/solve.sh".to_owned() } else { String::new() },
        millis: file.verifier.timeout_sec.map_or(0, |seconds| (seconds * 1000.0) as u64),
        env: file.verifier.env,
        solution_env: file.solution.env,
        mounts,
        reward: true,
        ..Check::default()
    };
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut task = task(&id, setup, check).map_err(|error| error.to_string())?;
    task.kind = match file.metadata.category {
        None => String::new(),
        Some(Value::String(category)) => category,
        Some(other) => other.to_string(),
    };
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
    all.extend(around.os.iter().filter(|os| !os.eq_ignore_ascii_case("linux")).map(|os| format!("os = {os}")));
    all.extend(around.skills_dir.iter().map(|folder| format!("skills_dir = {folder}")));
    all.extend(file.steps.as_ref().map(|_| "steps".to_owned()));
    all.extend(
        file.artifacts
            .iter()
            .filter(|all| all.as_array().is_none_or(|all| !all.is_empty()))
            .map(|_| "artifacts".to_owned()),
    );
    all.extend(around.allow_internet.filter(|allowed| *allowed).map(|_| "allow_internet".to_owned()));
    let mode = file.verifier.environment_mode.iter().filter(|mode| *mode != "shared");
    all.extend(mode.map(|mode| format!("environment_mode = {mode}")));
    let people = [("verifier", &file.verifier.person), ("agent", &file.agent.person), ("environment", &around.person)];
    for (table, person) in people {
        // Nobody is root in the sandbox, though its only user may be called so.
        let plain = |user: &&Value| user.as_str() != Some("root") && user.as_integer() != Some(0);
        all.extend(person.user.iter().filter(plain).map(|user| format!("{table}.user = {user}")));
        let mode = person.network_mode.iter().filter(|mode| *mode != "no-network");
        all.extend(mode.map(|mode| format!("{table}.network_mode = {mode}")));
        all.extend((!person.allowed_hosts.is_empty()).then(|| format!("{table}.allowed_hosts")));
    }
    let unknown = [
        ("", &file.rest, &ABOUT[..]),
        ("verifier.", &file.verifier.rest, &[]),
        ("agent.", &file.agent.rest, &[]),
        ("environment.", &around.rest, &SIZES[..]),
        ("solution.", &file.solution.rest, &[]),
    ];
    for (table, rest, known) in unknown {
        all.extend(rest.keys().filter(|key| !known.contains(&key.as_str())).map(|key| format!("{table}{key}")));
    }
    for compose in ["docker-compose.yaml", "docker-compose.yml"] {
        all.extend(beside.join(compose).exists().then(|| compose.to_owned()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_honoured_or_named() {
        let missing = |text: &str| missing(text, Path::new("/nowhere/at/all"));
        let plain = "schema_version = \"1.1\"\nsource = \"x\"\n[task]\nname = \"a/b\"\n[metadata]\ntags = [\"a\"]\n\
                     [verifier]\ntimeout_sec = 60\nuser = \"root\"\nenv = { A = \"1\" }\n[agent]\ntimeout_sec = 1.5\n\
                     [environment]\nbuild_timeout_sec = 1\ncpus = 1\nmemory = \"2G\"\nos = \"linux\"\nworkdir = \"/w\"\n\
                     network_mode = \"no-network\"\n[solution]\nenv = { B = \"${C:-d}\" }\n";
        let toml = |text: &str| needs(&parse(text).unwrap(), Path::new("/nowhere/at/all"));
        assert_eq!(toml(plain), Vec::<String>::new());
        for (text, named) in [
            ("[environment]\nos = \"windows\"", "os = windows"),
            ("[environment]\nskills_dir = \"/skills\"", "skills_dir = /skills"),
            ("[environment]\nnetwork_mode = \"public\"", "environment.network_mode = public"),
            ("[verifier]\nallowed_hosts = [\"a\"]", "verifier.allowed_hosts"),
            ("[agent]\nuser = \"ann\"", "agent.user = \"ann\""),
            ("[environment]\ntpu = 1", "environment.tpu"),
            ("[verifier]\ncollect = []", "verifier.collect"),
            ("[solution]\nwhat = 1", "solution.what"),
            ("surprise = 1", "surprise"),
            ("artifacts = [\"/a\"]", "artifacts"),
        ] {
            assert_eq!(toml(text), [named], "{text}");
        }
        assert!(missing("[verifier]\nenv = 1").is_err());
    }
}
