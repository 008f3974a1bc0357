//! An exam: a suite's tasks, split once. Groups stand or fall together and never straddle a split.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use evolve_gate::{GroupSplit, PlannedGroup, Shares, Split, split_exact};
use harness_abi::{EnvironmentBox, ModuleError, Task, TaskQuery, VerifierBox};
use harness_host::{Host, HostError, Resolved};

use crate::{Suite, verifiers};

/// Why an exam cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum ExamError {
    /// The environment or a verifier did not come up.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The environment cannot list its tasks.
    #[error("{module} cannot list its tasks: {error}")]
    Tasks {
        /// The environment.
        module: String,
        /// Why.
        error: ModuleError,
    },
    /// There are none.
    #[error("{module} has no tasks{place}; look at --data")]
    Empty {
        /// The environment.
        module: String,
        /// Where it looked.
        place: String,
    },
    /// Two tasks have one id.
    #[error("two tasks are called `{0}`; ids must be unique in a suite")]
    Twice(String),
    /// The groups cannot be split as asked.
    #[error("the suite cannot be split: {0}")]
    Split(#[from] evolve_gate::SplitError),
    /// A split has no tasks.
    #[error("no task is in split `{asked}`; there are: {known}")]
    NoSplit {
        /// The split asked for.
        asked: String,
        /// Splits there are.
        known: String,
    },
    /// A task is not there.
    #[error("no task `{0}` in this exam")]
    NoTask(String),
}

/// A suite with its tasks, split and ready to be run.
pub struct Exam {
    /// The suite.
    pub suite: Suite,
    /// What its numbers are called.
    pub label: String,
    environment: Resolved,
    verifier: Arc<VerifierBox>,
    tasks: BTreeMap<String, Task>,
    groups: BTreeMap<String, Vec<String>>,
    split: GroupSplit,
}

impl Exam {
    /// Lists and splits the tasks of `suite`; `data` is handed to the environment as its config `data`.
    pub fn open(mut suite: Suite, host: &Host, data: Option<&Path>, seed: u64) -> Result<Self, ExamError> {
        let label = match data {
            Some(path) => {
                let path = serde_json::Value::from(path.to_string_lossy().into_owned());
                for (key, value) in std::mem::take(&mut suite.data_config) {
                    suite.environment.config.insert(key, value);
                }
                suite.environment.config.insert("data".to_owned(), path);
                suite.data_label.clone()
            }
            None => suite.label.clone(),
        };
        let environment = host.resolve(&suite.environment.module, &suite.environment.config)?;
        let verifier = Arc::new(verifiers::combined(host, &suite)?);
        let listed = list(&environment, seed)?;
        if listed.is_empty() {
            let place = data.map(|path| format!(" in {}", path.display())).unwrap_or_default();
            return Err(ExamError::Empty { module: environment.reference.to_string(), place });
        }
        let mut tasks = BTreeMap::new();
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for mut task in listed {
            if task.group.is_empty() {
                task.group.clone_from(&task.id);
            }
            groups.entry(task.group.clone()).or_default().push(task.id.clone());
            if let Some(twice) = tasks.insert(task.id.clone(), task) {
                return Err(ExamError::Twice(twice.id));
            }
        }
        let split = divide(&suite, seed, &tasks, &groups)?;
        if suite.splits.per_group > 0 {
            for (group, members) in &mut groups {
                *members = evolve_gate::draw_order(seed, group, std::mem::take(members), |task| task.as_str());
                members.truncate(suite.splits.per_group);
            }
        }
        Ok(Self { suite, label, environment, verifier, tasks, groups, split })
    }

    /// A fresh world.
    pub fn environment(&self) -> Result<EnvironmentBox, ModuleError> {
        self.environment.environment()
    }

    /// Whether a step of the world may take long.
    pub fn blocking(&self) -> bool {
        self.environment.manifest.blocking
    }

    /// Turns final states into rewards; its parts hold what the suite's further verifiers say.
    pub fn verifier(&self) -> Arc<VerifierBox> {
        self.verifier.clone()
    }

    /// A task by id.
    pub fn task(&self, id: &str) -> Result<&Task, ExamError> {
        self.tasks.get(id).ok_or_else(|| ExamError::NoTask(id.to_owned()))
    }

    /// All tasks, by id.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// How the groups were split.
    pub fn split(&self) -> &GroupSplit {
        &self.split
    }

    /// Groups with the tasks of theirs that are run.
    pub fn planned(&self, groups: &[String]) -> Vec<PlannedGroup> {
        let tasks = |group: &String| self.groups.get(group).cloned().unwrap_or_default();
        groups.iter().map(|group| PlannedGroup { group: group.clone(), tasks: tasks(group) }).collect()
    }

    /// Task ids of a split: `explore`, `gate`, `sealed`, or one that the data names.
    pub fn task_ids(&self, split: &str) -> Result<Vec<String>, ExamError> {
        let of = |groups: &[String]| self.planned(groups).into_iter().flat_map(|group| group.tasks).collect();
        let ids: Vec<String> = match split {
            "explore" => of(&self.split.explore),
            "gate" => self.split.folds.iter().flat_map(|fold| -> Vec<String> { of(fold) }).collect(),
            "sealed" => of(&self.split.sealed),
            "all" => self.tasks.keys().cloned().collect(),
            named => self.tasks.values().filter(|task| task.split == named).map(|task| task.id.clone()).collect(),
        };
        if ids.is_empty() {
            let named: std::collections::BTreeSet<&str> = self.tasks.values().map(|task| task.split.as_str()).collect();
            let known =
                ["explore", "gate", "sealed", "all"].into_iter().chain(named.into_iter().filter(|s| !s.is_empty()));
            return Err(ExamError::NoSplit { asked: split.to_owned(), known: known.collect::<Vec<_>>().join(", ") });
        }
        Ok(ids)
    }
}

fn list(environment: &Resolved, seed: u64) -> Result<Vec<Task>, ExamError> {
    let fail = |error| ExamError::Tasks { module: environment.reference.to_string(), error };
    let query = TaskQuery { seed, ..TaskQuery::default() };
    let query = harness_abi::kit::json(&query);
    let mut world = environment.environment().map_err(fail)?;
    let text = world.tasks(query.as_str().into()).into_result().map_err(fail)?;
    serde_json::from_str(text.as_str()).map_err(|error| fail(error.into()))
}

/// Splits the groups of the pool; groups the data itself sets apart are sealed as a whole.
fn divide(
    suite: &Suite,
    seed: u64,
    tasks: &BTreeMap<String, Task>,
    groups: &BTreeMap<String, Vec<String>>,
) -> Result<GroupSplit, ExamError> {
    let splits = &suite.splits;
    let split_of = |members: &[String]| members.first().and_then(|id| tasks.get(id)).map_or("", |task| &task.split);
    let in_split = |wanted: &str| -> Vec<&str> {
        groups.iter().filter(|(_, members)| split_of(members) == wanted).map(|(group, _)| group.as_str()).collect()
    };
    let sealed = splits.sealed_from.iter().map(|name| in_split(name)).find(|groups| !groups.is_empty());
    let pool: Vec<&str> =
        if splits.pool.is_empty() { groups.keys().map(String::as_str).collect() } else { in_split(&splits.pool) };
    let shares = match sealed {
        Some(_) => Shares { sealed: 0, ..splits.shares() },
        None => splits.shares(),
    };
    // A small pool has room for fewer folds than the suite would like.
    let gate: usize = split_exact(seed, shares, 1, pool.iter().copied()).map_or(0, |split| split.folds.concat().len());
    let mut split = split_exact(seed, shares, splits.folds.min(gate), pool)?;
    if let Some(sealed) = sealed {
        // In hash order too, so that a limit takes a random part.
        let only = Shares { explore: 0, gate: 0, sealed: 1 };
        split.sealed = split_exact(seed, only, 0, sealed)?.sealed;
    }
    Ok(split)
}

/// The name a split has in the record.
pub fn split_name(split: Split) -> &'static str {
    match split {
        Split::Explore => "explore",
        Split::Gate => "gate",
        Split::Sealed => "sealed",
    }
}
