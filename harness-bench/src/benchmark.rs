//! A benchmark: a suite's tasks, split once. Groups stand or fall together and never straddle a split; every task has one, whatever
//! its data call it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use evolve_gate::{GroupSplit, PlannedGroup, Shares, split_exact};
use harness_abi::{EnvironmentBox, ModuleError, Task, TaskQuery, kit};
use harness_core::GraderBinding;
use harness_host::{Host, HostError, Resolved};
use harness_spec::Features;
use harness_trace::{SeenGroup, Split};

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

/// An environment with its grader.
pub struct EnvironmentBinding {
    /// Its name: that of the suite it is.
    pub name: String,
    environment: Resolved,
    grader: GraderBinding,
    /// Whether a model marks.
    graded: bool,
}

impl EnvironmentBinding {
    /// A fresh environment.
    ///
    /// # Errors
    ///
    /// The module refuses its configuration, or its child does not start.
    pub fn environment(&self) -> Result<EnvironmentBox, ModuleError> {
        self.environment.environment()
    }

    /// Whether a step of the environment, or its grader, may take long.
    pub fn blocking(&self) -> bool {
        self.environment.manifest.blocking || self.graded
    }

    /// Turns final states into rewards; its parts hold what the suite's further graders say.
    pub fn grader(&self) -> GraderBinding {
        self.grader.clone()
    }
}

/// A task with its group and its environment.
struct Listed {
    task: Task,
    group: String,
    binding: usize,
}

/// Tasks that stand or fall together.
struct Group {
    /// Those that are run.
    tasks: Vec<String>,
    /// Names all its tasks, those that are not run among them.
    digest: u64,
    split: Split,
}

/// Which tasks somebody asks for. What a task may be used for is its own [`Split`], under whatever name it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those of a split.
    Split(Split),
    /// All, with those that no split of this benchmark runs.
    All,
    /// Those that the data assign to a split of this name, such as `valid_seen`.
    Named(String),
}

impl Selection {
    /// What a person calls it.
    pub fn name(&self) -> &str {
        match self {
            Self::Split(split) => split.name(),
            Self::All => "all",
            Self::Named(name) => name,
        }
    }
}

impl From<&str> for Selection {
    fn from(name: &str) -> Self {
        match Split::from_name(name) {
            Some(split) => Self::Split(split),
            None if name == "all" => Self::All,
            None => Self::Named(name.to_owned()),
        }
    }
}

/// A suite with its tasks, split and ready to be run. In a mixed one ids of tasks and groups begin with the part's name.
pub struct Benchmark {
    /// The suite.
    pub suite: Suite,
    /// What its numbers are called.
    pub label: String,
    bindings: Vec<EnvironmentBinding>,
    tasks: BTreeMap<String, Listed>,
    groups: BTreeMap<String, Group>,
    split: GroupSplit,
    data: String,
}

impl Benchmark {
    /// Lists and splits the tasks of `suite`; `data` says where a part's own data are, which the environment is told in its
    /// config `data`.
    ///
    /// # Errors
    ///
    /// A module of the suite does not come up, its tasks cannot be read, an id stands twice, or the groups cannot be
    /// split as asked.
    pub fn open(
        mut suite: Suite,
        host: &Host,
        data: impl Fn(&str) -> Option<PathBuf>,
        seed: u64,
    ) -> Result<Self, BenchmarkError> {
        let (mixed, most) = (suite.is_mixed(), suite.most);
        let mut label = suite.label.clone();
        let (mut bindings, mut tasks, mut groups) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut split = GroupSplit { explore: Vec::new(), gate: Vec::new(), sealed: Vec::new() };
        for (index, part) in suite.parts.iter_mut().enumerate() {
            let folder = data(&part.name);
            if let Some(path) = &folder {
                let path = serde_json::Value::from(path.to_string_lossy().into_owned());
                for (key, value) in std::mem::take(&mut part.data_config) {
                    part.environment.config.insert(key, value);
                }
                part.environment.config.insert("data".to_owned(), path);
                label.clone_from(&suite.data_label);
            }
            let binding = EnvironmentBinding {
                name: part.name.clone(),
                environment: host.resolve(&part.environment.module, &part.environment.config)?,
                grader: graders::combined(host, part)?,
                graded: matches!(part.grader, GraderSpec::Model(_)),
            };
            let (own, mut own_groups) = listed(&binding, folder.as_deref(), seed)?;
            let own_split = divide(part, seed, &own, &own_groups)?;
            let mut digests: BTreeMap<String, u64> =
                own_groups.iter().map(|(group, members)| (group.clone(), digest(&own, members))).collect();
            let dealt = dealt(&own_split);
            if part.splits.per_group > 0 {
                for (group, members) in &mut own_groups {
                    *members = evolve_gate::draw_order(seed, group, std::mem::take(members), |task| task.as_str());
                    members.truncate(part.splits.per_group);
                }
            }
            let name = |id: String| if mixed { format!("{}/{id}", part.name) } else { id };
            join(&mut split, own_split, most, name);
            let bound = |(id, task): (String, Task)| {
                let group = name(task.group.clone());
                (name(id), Listed { task, group, binding: index })
            };
            tasks.extend(own.into_iter().map(bound));
            groups.extend(own_groups.into_iter().map(|(group, members)| {
                // What was never in the pool is set apart by the data or the suite, as sealed tasks are.
                let split = dealt.get(&group).copied().unwrap_or(Split::Sealed);
                let digest = digests.remove(&group).unwrap_or_default();
                (name(group), Group { tasks: members.into_iter().map(name).collect(), digest, split })
            }));
            bindings.push(binding);
        }
        let mut all = blake3::Hasher::new();
        let digests: BTreeSet<u64> = groups.values().map(|group: &Group| group.digest).collect();
        for digest in digests {
            all.update(&digest.to_le_bytes());
        }
        let data = all.finalize().to_hex().chars().take(16).collect();
        Ok(Self { suite, label, bindings, tasks, groups, split, data })
    }

    /// A task by id as its environment knows it, and that environment.
    ///
    /// # Errors
    ///
    /// There is no task of this id.
    pub fn task(&self, id: &str) -> Result<(&Task, &EnvironmentBinding), BenchmarkError> {
        let found = self.tasks.get(id).and_then(|one| Some((&one.task, self.bindings.get(one.binding)?)));
        found.ok_or_else(|| BenchmarkError::NoTask(id.to_owned()))
    }

    /// The group of a task; empty if there is no such task.
    pub fn group(&self, id: &str) -> &str {
        self.tasks.get(id).map_or("", |one| &one.group)
    }

    /// What a task is used for: `None` if there is no such task.
    pub fn split_of(&self, id: &str) -> Option<Split> {
        Some(self.groups.get(self.group(id))?.split)
    }

    /// A digest of all tasks, whatever the suite is called.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// Every group with what it is used for.
    pub fn groups(&self) -> impl Iterator<Item = (SeenGroup, Split)> {
        self.groups.iter().map(|(name, group)| (SeenGroup { name: name.clone(), digest: group.digest }, group.split))
    }

    /// The group of a task as looks name it.
    pub(crate) fn seen_group(&self, id: &str) -> Option<(SeenGroup, Split)> {
        let name = self.group(id);
        let group = self.groups.get(name)?;
        Some((SeenGroup { name: name.to_owned(), digest: group.digest }, group.split))
    }

    /// What is known of a task before it is run: what variants are routed by.
    pub fn features(&self, id: &str) -> Features {
        let known = |(task, binding): (&Task, &EnvironmentBinding)| Features {
            suite: binding.name.clone(),
            kind: task.kind.clone(),
            text: task.prompt.clone(),
        };
        self.task(id).map(known).unwrap_or_default()
    }

    /// All tasks, by id.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().map(|one| &one.task)
    }

    /// The ids of all tasks, each with what it asks.
    pub(crate) fn prompts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tasks.iter().map(|(id, one)| (id.as_str(), one.task.prompt.as_str()))
    }

    /// All tasks with their environments, by id.
    pub(crate) fn bound(&self) -> impl Iterator<Item = (&Task, &EnvironmentBinding)> {
        self.tasks.values().filter_map(|one| Some((&one.task, self.bindings.get(one.binding)?)))
    }

    /// How the groups were split.
    pub fn split(&self) -> &GroupSplit {
        &self.split
    }

    /// Groups with the tasks of theirs that are run.
    pub fn planned(&self, groups: &[String]) -> Vec<PlannedGroup> {
        let tasks = |group: &String| self.groups.get(group).map(|group| group.tasks.clone()).unwrap_or_default();
        groups.iter().map(|group| PlannedGroup { group: group.clone(), tasks: tasks(group) }).collect()
    }

    /// Task ids of a selection.
    ///
    /// # Errors
    ///
    /// There are none.
    pub fn task_ids(&self, selection: &Selection) -> Result<Vec<String>, BenchmarkError> {
        let of = |groups: &[String]| self.planned(groups).into_iter().flat_map(|group| group.tasks).collect();
        let ids: Vec<String> = match selection {
            Selection::Split(Split::Explore) => of(&self.split.explore),
            Selection::Split(Split::Gate) => of(&self.split.gate),
            Selection::Split(Split::Sealed) => of(&self.split.sealed),
            Selection::All => self.tasks.keys().cloned().collect(),
            Selection::Named(named) => {
                let of_split = self.tasks.iter().filter(|(_, one)| one.task.split == *named);
                of_split.map(|(id, _)| id.clone()).collect()
            }
        };
        if ids.is_empty() {
            let named: BTreeSet<&str> = self.tasks.values().map(|one| one.task.split.as_str()).collect();
            let known =
                ["explore", "gate", "sealed", "all"].into_iter().chain(named.into_iter().filter(|s| !s.is_empty()));
            return Err(BenchmarkError::NoSplit {
                asked: selection.name().to_owned(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        }
        Ok(ids)
    }
}

type Tasks = BTreeMap<String, Task>;
type Groups = BTreeMap<String, Vec<String>>;

/// The tasks of an environment and their groups.
fn listed(binding: &EnvironmentBinding, data: Option<&Path>, seed: u64) -> Result<(Tasks, Groups), BenchmarkError> {
    let all = list(&binding.environment, seed)?;
    if all.is_empty() {
        let place = data.map(|path| format!(" in {}", path.display())).unwrap_or_default();
        return Err(BenchmarkError::Empty { module: binding.environment.reference.to_string(), place });
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
    let take = |groups: Vec<String>, most: usize| -> Vec<String> {
        let most = if most == 0 { usize::MAX } else { most };
        groups.into_iter().take(most).map(&name).collect()
    };
    whole.explore.extend(take(part.explore, most.explore));
    whole.sealed.extend(take(part.sealed, most.sealed));
    whole.gate.extend(take(part.gate, most.gate));
}

fn list(environment: &Resolved, seed: u64) -> Result<Vec<Task>, BenchmarkError> {
    let fail = |error| BenchmarkError::Tasks { module: environment.reference.to_string(), error };
    let query = TaskQuery { seed, ..TaskQuery::default() };
    let query = kit::json(&query);
    let mut instance = environment.environment().map_err(fail)?;
    let text = instance.tasks(query.as_str().into()).into_result().map_err(fail)?;
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
    let mut split = split_exact(seed, shares, pool)?;
    if let Some(sealed) = sealed {
        // In hash order too, so that a limit takes a random part.
        let only = Shares { explore: 0, gate: 0, sealed: 1 };
        split.sealed = split_exact(seed, only, sealed)?.sealed;
    }
    Ok(split)
}

/// What each group was dealt to; a limit on how many are run changes nothing about it.
fn dealt(split: &GroupSplit) -> BTreeMap<String, Split> {
    let of = |groups: &[String], split: Split| -> Vec<(String, Split)> {
        groups.iter().map(|group| (group.clone(), split)).collect()
    };
    [(&split.explore, Split::Explore), (&split.gate, Split::Gate), (&split.sealed, Split::Sealed)]
        .into_iter()
        .flat_map(|(groups, split)| of(groups, split))
        .collect()
}

/// Names a group by what its tasks are. Where the question and the answer are the whole task, they alone: another id, group
/// or suite does not make it another task.
fn digest(tasks: &Tasks, members: &[String]) -> u64 {
    let one = |task: &Task| {
        let id = (task.gold.is_null() || !task.data.is_null()).then_some(&task.id);
        blake3::hash(kit::json(&(id, &task.prompt, &task.gold)).as_bytes())
    };
    let mut all: Vec<_> = members.iter().filter_map(|id| tasks.get(id)).map(|task| *one(task).as_bytes()).collect();
    all.sort_unstable();
    let mut head = [0; 8];
    head.copy_from_slice(&blake3::hash(all.as_flattened()).as_bytes()[..8]);
    u64::from_le_bytes(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_what_its_tasks_are() {
        let task = |id: &str, prompt: &str, gold: &str, data: Option<&str>| Task {
            id: id.to_owned(),
            prompt: prompt.to_owned(),
            gold: gold.into(),
            data: data.map_or(serde_json::Value::Null, Into::into),
            ..Task::default()
        };
        let of = |tasks: &[Task]| {
            let tasks: Tasks = tasks.iter().map(|task| (task.id.clone(), task.clone())).collect();
            let members: Vec<String> = tasks.keys().cloned().collect();
            digest(&tasks, &members)
        };
        let (one, two) = (task("1", "1 + 1", "2", None), task("2", "1 + 2", "3", None));
        assert_eq!(
            of(&[one.clone(), two.clone()]),
            of(&[task("b", "1 + 1", "2", None), task("a", "1 + 2", "3", None)])
        );
        assert_ne!(of(std::slice::from_ref(&one)), of(&[one.clone(), two]));
        assert_ne!(of(std::slice::from_ref(&one)), of(&[task("1", "1 + 1", "3", None)]));
        // Where more than the question decides, the id names it.
        let game = |id: &str| task(id, "Put a pan on the table.", "", Some("game"));
        assert_ne!(of(&[game("1")]), of(&[game("2")]));
    }

    #[test]
    fn whatever_was_not_dealt_is_not_explore() {
        let split = GroupSplit { explore: vec!["a".into()], gate: vec!["b".into()], sealed: vec!["c".into()] };
        let dealt = dealt(&split);
        let of = |group: &str| dealt.get(group).copied().unwrap_or(Split::Sealed);
        assert_eq!(["a", "b", "c", "d"].map(of), [Split::Explore, Split::Gate, Split::Sealed, Split::Sealed]);
    }
}
