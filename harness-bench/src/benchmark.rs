//! a benchmark: a suite's tasks, split once. Groups stand or fall together and never straddle a split.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use evolve_gate::{GroupSplit, PlannedGroup, Shares, Split, split_exact};
use harness_abi::{EnvironmentBox, GraderBox, ModuleError, Task, TaskQuery};
use harness_host::{Host, HostError, Resolved};
use harness_spec::Features;

use crate::{GraderSpec, Part, Suite, graders, suite::Most};

/// Why a benchmark cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    /// The environment or a grader did not come up.
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
    #[error("no task `{0}` in this benchmark")]
    NoTask(String),
}

/// A world with its grader.
pub struct Ground {
    /// Its name: that of the suite it is.
    pub name: String,
    environment: Resolved,
    grader: Arc<GraderBox>,
    /// Whether a model marks.
    graded: bool,
}

impl Ground {
    /// A fresh world.
    pub fn environment(&self) -> Result<EnvironmentBox, ModuleError> {
        self.environment.environment()
    }

    /// Whether a step of the world, or its grader, may take long.
    pub fn blocking(&self) -> bool {
        self.environment.manifest.blocking || self.graded
    }

    /// Turns final states into rewards; its parts hold what the suite's further graders say.
    pub fn grader(&self) -> Arc<GraderBox> {
        self.grader.clone()
    }
}

/// A task with its group and its world.
struct Listed {
    task: Task,
    group: String,
    ground: usize,
}

/// A suite with its tasks, split and ready to be run. In a mixed one ids of tasks and groups begin with the part's name.
pub struct Benchmark {
    /// The suite.
    pub suite: Suite,
    /// What its numbers are called.
    pub label: String,
    grounds: Vec<Ground>,
    tasks: BTreeMap<String, Listed>,
    groups: BTreeMap<String, Vec<String>>,
    split: GroupSplit,
}

impl Benchmark {
    /// Lists and splits the tasks of `suite`; `data` says where a part's own data are, which the environment is told in its
    /// config `data`.
    pub fn open(
        mut suite: Suite,
        host: &Host,
        data: impl Fn(&str) -> Option<PathBuf>,
        seed: u64,
    ) -> Result<Self, BenchmarkError> {
        let (mixed, most) = (suite.is_mixed(), suite.most);
        let mut label = suite.label.clone();
        let (mut grounds, mut tasks, mut groups) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut split = GroupSplit { explore: Vec::new(), folds: Vec::new(), sealed: Vec::new() };
        for (index, part) in suite.parts.iter_mut().enumerate() {
            let folder = data(&part.name);
            if most.folds > 0 {
                part.splits.folds = most.folds;
            }
            if let Some(path) = &folder {
                let path = serde_json::Value::from(path.to_string_lossy().into_owned());
                for (key, value) in std::mem::take(&mut part.data_config) {
                    part.environment.config.insert(key, value);
                }
                part.environment.config.insert("data".to_owned(), path);
                label.clone_from(&suite.data_label);
            }
            let ground = Ground {
                name: part.name.clone(),
                environment: host.resolve(&part.environment.module, &part.environment.config)?,
                grader: Arc::new(graders::combined(host, part)?),
                graded: matches!(part.grader, GraderSpec::Model(_)),
            };
            let (own, mut own_groups) = listed(&ground, folder.as_deref(), seed)?;
            let own_split = divide(part, seed, &own, &own_groups)?;
            if part.splits.per_group > 0 {
                for (group, members) in &mut own_groups {
                    *members = evolve_gate::draw_order(seed, group, std::mem::take(members), |task| task.as_str());
                    members.truncate(part.splits.per_group);
                }
            }
            let name = |id: String| if mixed { format!("{}/{id}", part.name) } else { id };
            join(&mut split, own_split, most, name);
            let seated = |(id, task): (String, Task)| {
                let group = name(task.group.clone());
                (name(id), Listed { task, group, ground: index })
            };
            tasks.extend(own.into_iter().map(seated));
            groups.extend(
                own_groups.into_iter().map(|(group, members)| (name(group), members.into_iter().map(name).collect())),
            );
            grounds.push(ground);
        }
        Ok(Self { suite, label, grounds, tasks, groups, split })
    }

    /// A task by id as its world knows it, and that world.
    pub fn task(&self, id: &str) -> Result<(&Task, &Ground), BenchmarkError> {
        let found = self.tasks.get(id).and_then(|one| Some((&one.task, self.grounds.get(one.ground)?)));
        found.ok_or_else(|| BenchmarkError::NoTask(id.to_owned()))
    }

    /// The group of a task; empty if there is no such task.
    pub fn group(&self, id: &str) -> &str {
        self.tasks.get(id).map_or("", |one| &one.group)
    }

    /// What is known of a task before it is run: what variants are routed by.
    pub fn features(&self, id: &str) -> Features {
        let known = |(task, ground): (&Task, &Ground)| Features {
            suite: ground.name.clone(),
            kind: task.kind.clone(),
            text: task.prompt.clone(),
        };
        self.task(id).map(known).unwrap_or_default()
    }

    /// All tasks, by id.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().map(|one| &one.task)
    }

    /// All tasks with their worlds, by id.
    pub(crate) fn seated(&self) -> impl Iterator<Item = (&Task, &Ground)> {
        self.tasks.values().filter_map(|one| Some((&one.task, self.grounds.get(one.ground)?)))
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
    pub fn task_ids(&self, split: &str) -> Result<Vec<String>, BenchmarkError> {
        let of = |groups: &[String]| self.planned(groups).into_iter().flat_map(|group| group.tasks).collect();
        let ids: Vec<String> = match split {
            "explore" => of(&self.split.explore),
            "gate" => self.split.folds.iter().flat_map(|fold| -> Vec<String> { of(fold) }).collect(),
            "sealed" => of(&self.split.sealed),
            "all" => self.tasks.keys().cloned().collect(),
            named => {
                let of_split = self.tasks.iter().filter(|(_, one)| one.task.split == named);
                of_split.map(|(id, _)| id.clone()).collect()
            }
        };
        if ids.is_empty() {
            let named: std::collections::BTreeSet<&str> =
                self.tasks.values().map(|one| one.task.split.as_str()).collect();
            let known =
                ["explore", "gate", "sealed", "all"].into_iter().chain(named.into_iter().filter(|s| !s.is_empty()));
            return Err(BenchmarkError::NoSplit {
                asked: split.to_owned(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        }
        Ok(ids)
    }
}

type Tasks = BTreeMap<String, Task>;
type Groups = BTreeMap<String, Vec<String>>;

/// The tasks of a world and their groups.
fn listed(ground: &Ground, data: Option<&Path>, seed: u64) -> Result<(Tasks, Groups), BenchmarkError> {
    let all = list(&ground.environment, seed)?;
    if all.is_empty() {
        let place = data.map(|path| format!(" in {}", path.display())).unwrap_or_default();
        return Err(BenchmarkError::Empty { module: ground.environment.reference.to_string(), place });
    }
    let (mut tasks, mut groups) = (Tasks::new(), Groups::new());
    for mut task in all {
        if task.group.is_empty() {
            task.group.clone_from(&task.id);
        }
        groups.entry(task.group.clone()).or_default().push(task.id.clone());
        if let Some(twice) = tasks.insert(task.id.clone(), task) {
            return Err(BenchmarkError::Twice(twice.id));
        }
    }
    Ok((tasks, groups))
}

/// Adds a part's split to the whole. Groups come in hash order, so that a limit takes a random part.
fn join(whole: &mut GroupSplit, part: GroupSplit, most: Most, name: impl Fn(String) -> String) {
    let folds = part.folds.len().max(1);
    let take = |groups: Vec<String>, most: usize| -> Vec<String> {
        let most = if most == 0 { usize::MAX } else { most };
        groups.into_iter().take(most).map(&name).collect()
    };
    whole.explore.extend(take(part.explore, most.explore));
    whole.sealed.extend(take(part.sealed, most.sealed));
    whole.folds.resize_with(whole.folds.len().max(part.folds.len()), Vec::new);
    for (fold, groups) in whole.folds.iter_mut().zip(part.folds) {
        fold.extend(take(groups, most.gate.div_ceil(folds)));
    }
}

fn list(environment: &Resolved, seed: u64) -> Result<Vec<Task>, BenchmarkError> {
    let fail = |error| BenchmarkError::Tasks { module: environment.reference.to_string(), error };
    let query = TaskQuery { seed, ..TaskQuery::default() };
    let query = harness_abi::kit::json(&query);
    let mut world = environment.environment().map_err(fail)?;
    let text = world.tasks(query.as_str().into()).into_result().map_err(fail)?;
    serde_json::from_str(text.as_str()).map_err(|error| fail(error.into()))
}

/// Splits the groups of the pool; groups the data itself sets apart are sealed as a whole.
fn divide(part: &Part, seed: u64, tasks: &Tasks, groups: &Groups) -> Result<GroupSplit, BenchmarkError> {
    let splits = &part.splits;
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
