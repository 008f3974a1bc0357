//! The grader `command`: a script judges what the agent left in the workspace, in a box of its own. Its exit code counts, or
//! the reward it writes where the agent never could. Refuses a reward that is no number from 0 to 1.

use std::{fs, path::Path, path::PathBuf};

use harness_abi::{Grade, Grader, Message, ModuleError, Task};
use harness_sandbox::{Choice, End, Job, Mechanism, Mount, choose, run};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Check,
    template::{machine, resolve},
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandConfig {
    check: String,
    seconds: u64,
    network: bool,
    sandbox: Choice,
}

/// The grader.
#[derive(Debug)]
pub(crate) struct Command {
    config: CommandConfig,
    mechanism: Mechanism,
}

/// What the environment leaves.
#[derive(Deserialize)]
struct State {
    #[serde(default)]
    workspace: Option<PathBuf>,
    #[serde(default)]
    at: Option<PathBuf>,
}

/// Beneath what rewards are written, in a box with names.
const LOGS: &str = "/logs";
/// Bytes of a reason.
const REASON: usize = 400;

impl Command {
    pub fn new(config: CommandConfig) -> Result<Self, ModuleError> {
        let mechanism = choose(config.sandbox).map_err(ModuleError::config)?;
        Ok(Self { config, mechanism })
    }
}

impl Grader for Command {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let check = Check::deserialize(&task.gold)?;
        let script = if check.check.is_empty() { &self.config.check } else { &check.check };
        if script.is_empty() {
            let none = "task {} has no `check`, and the grader has none in its configuration";
            return Err(ModuleError::input(none.replace("{}", &task.id)));
        }
        let State { workspace, at } = State::deserialize(state)?;
        let workspace = workspace.ok_or_else(|| {
            ModuleError::input("this environment has no workspace; the grader `command` is for `tasks/workspace`")
        })?;
        let fail = |error: std::io::Error| ModuleError::fault(format_args!("no folder for rewards: {error}"));
        let rewards = tempfile::Builder::new().prefix("harness-reward-").tempdir().map_err(fail)?;
        let named = self.mechanism == Mechanism::Bubblewrap;
        // Harbor's scripts know where their reward goes. Others are given it if they ask, in a variable of their own that no program
        // they start inherits, and the place has another name each time.
        let wants_rewards = script.contains("REWARD_DIR");
        let place = match (named, check.reward) {
            (true, true) => PathBuf::from(LOGS).join("verifier"),
            (true, false) => Path::new(LOGS).join(rewards.path().file_name().unwrap_or_default()),
            (false, _) => rewards.path().canonicalize().map_err(fail)?,
        };
        let preamble = if wants_rewards { format!("REWARD_DIR='{}'\n", place.display()) } else { String::new() };
        let mut job = Job::new(["/bin/bash", "-c", &format!("{preamble}{script}")], workspace);
        job.at = at.filter(|_| named);
        job.mounts = check.mounts;
        let env =
            resolve(&check.env, machine).map_err(|why| ModuleError::input(format_args!("task {}: {why}", task.id)))?;
        job.env.extend(env.env.clone());
        if wants_rewards || check.reward {
            job.mounts.push(Mount { from: rewards.path().to_owned(), to: place, write: true });
        }
        job.network = self.config.network;
        job.limits.millis = if check.millis == 0 { self.config.seconds.saturating_mul(1000) } else { check.millis };
        job.limits.output = 2 * REASON;
        let ran = run(&job, self.mechanism, &|| false).map_err(ModuleError::fault)?;
        let said = ran.output.text(|missing| format!("[… {missing} bytes …]"));
        let why = env.redact(&format!("{}: {}", ran.end, said.trim()));
        let why = why.trim_end_matches([':', ' ']).to_owned();
        match ran.end {
            End::TimedOut | End::Limit(_) | End::Cancelled => Ok(graded(0.0, Vec::new(), why)),
            end => match reward(rewards.path(), task)? {
                Some((reward, parts)) => Ok(graded(reward, parts, why)),
                None if check.reward => Ok(graded(0.0, Vec::new(), format!("it wrote no reward; {why}"))),
                None => Ok(graded(f64::from(u8::from(end == End::Exit(0))), Vec::new(), why)),
            },
        }
    }
}

fn graded(reward: f64, parts: Vec<(String, f64)>, why: String) -> Grade {
    let reasons = if reward >= 1.0 { Vec::new() } else { vec![why] };
    Grade { reward, parts, reasons, ..Grade::default() }
}

type Reward = (f64, Vec<(String, f64)>);

/// What the script wrote: `reward.json`, an object of numbers, or `reward.txt`, one number.
fn reward(folder: &Path, task: &Task) -> Result<Option<Reward>, ModuleError> {
    let wrong = |what: &str| ModuleError::input(format_args!("task {}: its reward {what}", task.id));
    let number = |value: f64, what: &str| match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(wrong(&format!("{what} is {value}, it must be from 0 to 1"))),
    };
    if let Some(text) = file(&folder.join("reward.json")) {
        let object: serde_json::Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| wrong(&format!("is no JSON object: {error}")))?;
        let mut parts = Vec::new();
        for (name, value) in object {
            let value = value.as_f64().ok_or_else(|| wrong(&format!("`{name}` is no number: {value}")))?;
            parts.push((name.clone(), number(value, &name)?));
        }
        let named = parts.iter().position(|(name, _)| name == "reward").map(|at| parts.remove(at).1);
        let mean = parts.iter().map(|(_, value)| value).sum::<f64>() / parts.len().max(1) as f64;
        return Ok(Some((named.unwrap_or(mean), parts)));
    }
    let Some(text) = file(&folder.join("reward.txt")) else { return Ok(None) };
    let value = text.trim().parse().map_err(|_| wrong(&format!("is no number: {:?}", text.trim())))?;
    Ok(Some((number(value, "reward.txt")?, Vec::new())))
}

/// A small file that is one: not a link to somewhere, not a pipe.
fn file(path: &Path) -> Option<String> {
    let about = fs::symlink_metadata(path).ok()?;
    (about.is_file() && about.len() < 1 << 20).then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_are_numbers_from_0_to_1() {
        let task = Task { id: "t".into(), ..Task::default() };
        for (name, text, expected) in [
            ("reward.txt", "1\n", Ok((1.0, 0))),
            ("reward.txt", "0.25", Ok((0.25, 0))),
            ("reward.txt", "2", Err("from 0 to 1")),
            ("reward.txt", "NaN", Err("from 0 to 1")),
            ("reward.txt", "good", Err("is no number")),
            ("reward.json", "{\"reward\": 0.5, \"speed\": 1}", Ok((0.5, 1))),
            ("reward.json", "{\"a\": 0, \"b\": 1}", Ok((0.5, 2))),
            ("reward.json", "{}", Ok((0.0, 0))),
            ("reward.json", "{\"a\": \"x\"}", Err("is no number")),
            ("reward.json", "[1]", Err("no JSON object")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), text).unwrap();
            match (reward(folder.path(), &task), expected) {
                (Ok(Some((value, parts))), Ok(expected)) => assert_eq!((value, parts.len()), expected, "{text}"),
                (Err(error), Err(expected)) => assert!(error.message.contains(expected), "{}", error.message),
                (got, expected) => assert!(expected.is_err() && got.is_ok(), "{text}: {got:?}, not {expected:?}"),
            }
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("reward.txt")).unwrap();
        assert_eq!(reward(folder.path(), &task).unwrap(), None);
    }
}
