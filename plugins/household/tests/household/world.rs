//! Environment and grader: tasks, splits, play, and what is said of wrong input.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use harness_abi::{Action, EnvironmentBox, Grade, ModuleError, Observation, Task, TaskQuery, kit};
use harness_spec::PackManifest;
use household_engine::generate;
use plugin_household::pack;
use serde_json::{Map, Value, json};

/// The configuration of a module: its defaults and what is given.
pub fn config(name: &str, given: Value) -> String {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).unwrap();
    let mut config: Map<String, Value> = manifest.module(name).unwrap().defaults().into_iter().collect();
    config.extend(given.as_object().cloned().unwrap_or_default());
    Value::Object(config).to_string()
}

/// An environment.
pub fn environment(given: Value) -> EnvironmentBox {
    pack().environment()("household".into(), config("household", given).as_str().into()).into_result().unwrap()
}

/// The tasks it lists.
pub fn tasks(environment: &mut EnvironmentBox, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
    let listed = environment.tasks(kit::json(query).as_str().into()).into_result()?;
    Ok(serde_json::from_str(&listed).unwrap())
}

/// Begins a task.
pub fn reset(environment: &mut EnvironmentBox, task: &Task) -> Result<Observation, ModuleError> {
    let seen = environment.reset(kit::json(task).as_str().into(), 0).into_result()?;
    Ok(serde_json::from_str(&seen).unwrap())
}

/// Does something.
pub fn step(environment: &mut EnvironmentBox, action: &Action) -> Observation {
    let seen = environment.step(kit::json(action).as_str().into()).into_result().unwrap();
    serde_json::from_str(&seen).unwrap()
}

fn say(text: &str) -> Action {
    Action::Text { text: text.into() }
}

fn reward(environment: &mut EnvironmentBox, task: &Task) -> f64 {
    let grader = pack().grader()("goal".into(), "{}".into()).into_result().unwrap();
    let state = environment.state().into_result().unwrap();
    let judged = grader.grade(kit::json(task).as_str().into(), state.as_str().into(), [][..].into());
    serde_json::from_str::<Grade>(&judged.into_result().unwrap()).unwrap().reward
}

/// Does nothing, then does what the oracle says.
fn prove(environment: &mut EnvironmentBox, task: &Task) {
    assert!(!reset(environment, task).unwrap().done, "{}", task.id);
    assert!(reward(environment, task) < 0.5, "{}: won by doing nothing", task.id);
    let oracle = environment.oracle(kit::json(task).as_str().into()).into_result().unwrap();
    let oracle: Vec<Action> = serde_json::from_str(&oracle).unwrap();
    let last = oracle.iter().map(|action| step(environment, action)).last().unwrap();
    assert!(last.done && last.reward > 0.5, "{}", task.id);
    assert!(reward(environment, task) > 0.5, "{}", task.id);
}

#[test]
fn the_manifest_and_the_code_agree() {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).unwrap();
    let mut built = 0;
    for entry in manifest.modules.iter().filter(|entry| !entry.hooks.is_empty()) {
        for (field, values) in &entry.config {
            for value in values.choices.iter().chain(&values.default) {
                let config = config(&entry.name, json!({field.as_str(): value}));
                pack().processor()(entry.name.as_str().into(), config.as_str().into()).into_result().unwrap();
                built += 1;
            }
        }
    }
    assert!(built > 10);
}

#[test]
fn made_tasks_are_disjoint_and_solvable() {
    let mut world = environment(json!({"train": 24, "unseen": 12}));
    let all = tasks(&mut world, &TaskQuery::default()).unwrap();
    assert_eq!(all, tasks(&mut world, &TaskQuery::default()).unwrap());
    let mut by_split: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<u64>)> = BTreeMap::new();
    for task in &all {
        assert!(task.id.contains("household-generated"), "{}", task.id);
        let (groups, seeds) = by_split.entry(&task.split).or_default();
        groups.insert(&task.group);
        assert!(seeds.insert(task.data["seed"].as_u64().unwrap()));
        prove(&mut world, task);
    }
    let (train, unseen) = (&by_split["train"], &by_split["valid_unseen"]);
    assert_eq!((train.1.len(), unseen.1.len()), (24, 12));
    assert!(train.0.is_disjoint(&unseen.0) && train.1.is_disjoint(&unseen.1));
    let other = tasks(&mut world, &TaskQuery { seed: 1, limit: 5, split: "train".into() }).unwrap();
    assert_eq!(other.len(), 5);
    assert!(other.iter().all(|task| all.iter().all(|known| known.id != task.id)));
}

#[test]
fn a_folder_of_games_is_read_by_split_and_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = Vec::new();
    for (seed, split) in [(1, "train"), (2, "train"), (3, "valid_seen")] {
        let made = generate(seed, None);
        let id = format!("{split}/{}/trial_{seed}", made.group);
        let place = folder.path().join("json_2.1.1").join(&id);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("game.tw-pddl"), made.file.to_json().unwrap()).unwrap();
        wanted.push((split.to_owned(), made.group, id));
    }
    let unsolvable = folder.path().join("json_2.1.1/train/odd/trial");
    std::fs::create_dir_all(&unsolvable).unwrap();
    std::fs::write(unsolvable.join("game.tw-pddl"), "{\"solvable\": false}").unwrap();
    wanted.sort();
    let inner = folder.path().join("json_2.1.1");
    for data in [folder.path(), inner.as_path()] {
        let mut world = environment(json!({"data": data}));
        let listed = tasks(&mut world, &TaskQuery::default()).unwrap();
        let mut found: Vec<_> = listed.iter().map(|t| (t.split.clone(), t.group.clone(), t.id.clone())).collect();
        found.sort();
        assert_eq!(found, wanted);
        listed.iter().for_each(|task| prove(&mut world, task));
        let seen = TaskQuery { split: "valid_seen".into(), ..TaskQuery::default() };
        assert_eq!(tasks(&mut world, &seen).unwrap().len(), 1);
        let outside = Task { id: "../../etc".into(), ..Task::default() };
        assert!(reset(&mut world, &outside).unwrap_err().to_string().contains("neither a made game nor a path"));
        let absent = Task { id: "train/no/such".into(), ..Task::default() };
        assert!(reset(&mut world, &absent).unwrap_err().to_string().contains("no/such/game.tw-pddl"));
        let broken = Task { id: "train/odd/trial".into(), ..Task::default() };
        assert!(reset(&mut world, &broken).unwrap_err().to_string().contains("pddl_domain"));
    }
    let mut nowhere = environment(json!({"data": Path::new("/nonexistent/folder")}));
    assert!(tasks(&mut nowhere, &TaskQuery::default()).unwrap_err().to_string().contains("check `data`"));
}

#[test]
fn what_the_world_refuses_is_an_observation() {
    let mut world = environment(json!({}));
    assert!(world.state().into_result().unwrap_err().to_string().contains("reset it first"));
    let task = tasks(&mut world, &TaskQuery { limit: 1, ..TaskQuery::default() }).unwrap().remove(0);
    let first = reset(&mut world, &task).unwrap();
    assert!(first.text.contains("Your task is to: ") && first.admissible.contains(&"look".to_owned()));
    for refused in [say("fly to the moon"), say(""), Action::Call { name: "go".into(), arguments: json!({}) }] {
        let seen = step(&mut world, &refused);
        assert_eq!((seen.text.as_str(), seen.invalid, seen.done), ("Nothing happens.", true, false));
        assert_eq!(seen.admissible, first.admissible);
    }
    let seen = step(&mut world, &say(" inventory\n"));
    assert_eq!((seen.text.as_str(), seen.invalid), ("You are not carrying anything.", false));
}
