//! The pack through its public interface: environment and graders as a host holds them.

use bench_functions::{MANIFEST, pack};
use harness_abi::stable::{RResult, RSlice, RString};
use harness_abi::{Action, EnvironmentBox, ErrorClass, Grade, GraderBox, ModuleError, Observation, Task, TaskQuery};
use harness_spec::PackManifest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn read<T: DeserializeOwned>(answer: RResult<RString, ModuleError>) -> Result<T, ModuleError> {
    answer.into_result().map(|text| serde_json::from_str(text.as_str()).unwrap())
}

fn environment(config: &Value) -> Result<EnvironmentBox, ModuleError> {
    pack().environment()("functions".into(), config.to_string().as_str().into()).into_result()
}

fn grader(name: &str) -> GraderBox {
    pack().grader()(name.into(), "".into()).unwrap()
}

fn tasks(environment: &mut EnvironmentBox, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
    read(environment.tasks(serde_json::to_string(query).unwrap().as_str().into()))
}

/// As a host does: the gold answer stays behind.
fn reset(environment: &mut EnvironmentBox, task: &Task) -> Observation {
    let shown = Task { gold: Value::Null, ..task.clone() };
    read(environment.reset(serde_json::to_string(&shown).unwrap().as_str().into(), 0)).unwrap()
}

fn step(environment: &mut EnvironmentBox, action: &Action) -> Observation {
    read(environment.step(serde_json::to_string(action).unwrap().as_str().into())).unwrap()
}

fn verify(name: &str, task: &Task, state: &Value) -> Result<Grade, ModuleError> {
    let (task, state) = (serde_json::to_string(task).unwrap(), state.to_string());
    read(grader(name).grade(task.as_str().into(), state.as_str().into(), RSlice::EMPTY))
}

fn call(name: &str, arguments: Value) -> Action {
    Action::Call { name: name.to_owned(), arguments }
}

fn text(text: &str) -> Action {
    Action::Text { text: text.to_owned() }
}

/// A task of the self-written set, begun.
fn begun(category: &str, index: usize) -> (EnvironmentBox, Task, Observation) {
    let mut environment = environment(&json!({"category": category})).unwrap();
    let task = tasks(&mut environment, &TaskQuery::default()).unwrap().swap_remove(index);
    let observation = reset(&mut environment, &task);
    (environment, task, observation)
}

#[test]
fn the_manifest_parses_and_its_modules_build_from_their_defaults() {
    let manifest = PackManifest::parse(MANIFEST).unwrap();
    let config = manifest.module("functions").unwrap().defaults();
    environment(&serde_json::to_value(config).unwrap()).unwrap();
    assert_eq!(manifest.modules.len(), 3);
    for category in &manifest.module("functions").unwrap().config["category"].choices {
        let mut environment = environment(&json!({"category": category})).unwrap();
        assert!(!tasks(&mut environment, &TaskQuery::default()).unwrap().is_empty(), "{category}");
    }
}

#[test]
fn the_oracle_solves_every_task_and_doing_nothing_only_those_without_an_answer() {
    for naming in ["verbatim", "underscored"] {
        let mut environment = environment(&json!({"category": "all", "naming": naming})).unwrap();
        let all = tasks(&mut environment, &TaskQuery::default()).unwrap();
        assert_eq!(all.len(), 36);
        for task in &all {
            let shown = reset(&mut environment, task).tools.unwrap();
            let whole = serde_json::to_string(task).unwrap();
            let actions: Vec<Action> = read(environment.oracle(whole.as_str().into())).unwrap();
            for action in &actions {
                if let Action::Call { name, .. } = action {
                    assert!(shown.iter().any(|tool| tool.name == *name), "{name} is not on offer");
                    assert!(naming == "verbatim" || !name.contains('.'), "{name}");
                }
                let observation = step(&mut environment, action);
                assert!(!observation.invalid && observation.reward == 0.0);
            }
            let state: Value = read(environment.state()).unwrap();
            assert_eq!(verify("choice", task, &state).unwrap().reward, 1.0, "{}", task.id);
            assert_eq!(verify("ast", task, &state).unwrap().reward, 1.0, "{}", task.id);

            reset(&mut environment, task);
            assert!(step(&mut environment, &text("")).done);
            let state: Value = read(environment.state()).unwrap();
            let expected = if task.id.contains("irrelevance") { 1.0 } else { 0.0 };
            assert_eq!(verify("choice", task, &state).unwrap().reward, expected, "{}", task.id);
        }
    }
}

#[test]
fn an_answer_gets_no_hint_and_a_reason_gives_nothing_away() {
    let (mut environment, task, observation) = begun("multiple", 0);
    assert!(observation.text.starts_with("The tomatoes look thirsty"));
    assert_eq!((task.kind.as_str(), task.max_turns), ("curated", 1));
    assert!(!serde_json::to_string(&task.data).unwrap().contains("tomatoes\",\"tomato\""));
    let right = step(&mut environment, &call("garden.water", json!({"bed": "tomatoes", "minutes": 15})));
    reset(&mut environment, &task);
    let wrong = step(&mut environment, &call("garden.soil_report", json!({"bed": "tomatoes"})));
    assert_eq!(right, wrong);
    let state: Value = read(environment.state()).unwrap();
    for name in ["choice", "ast"] {
        let grade = verify(name, &task, &state).unwrap();
        assert_eq!(grade.reward, 0.0);
        assert!(grade.reasons[0].contains("garden.soil_report"), "{:?}", grade.reasons);
        assert!(!grade.reasons[0].contains("garden.water"), "{:?}", grade.reasons);
    }
    // The right function with a wrong argument: half of an answer, and the parts say so.
    reset(&mut environment, &task);
    step(&mut environment, &call("garden.water", json!({"bed": "tomatoes", "minutes": 14})));
    let state: Value = read(environment.state()).unwrap();
    assert_eq!(verify("choice", &task, &state).unwrap().reward, 1.0);
    let whole = verify("ast", &task, &state).unwrap();
    assert_eq!(whole.parts, [("ast".to_owned(), 0.0), ("choice".to_owned(), 1.0)]);
}

#[test]
fn what_the_world_refuses_is_an_observation() {
    let (mut environment, _, _) = begun("multiple", 0);
    let unknown = step(&mut environment, &call("garden.fly", json!({})));
    assert!(unknown.invalid && unknown.text.contains("no function garden.fly"));
    let shapeless = step(&mut environment, &call("garden.water", json!(["tomatoes", 15])));
    assert!(shapeless.invalid && !shapeless.done);
    assert!(step(&mut environment, &text("done")).done);
    let late = step(&mut environment, &call("garden.water", json!({})));
    assert!(late.done && late.invalid);
    let state: Value = read(environment.state()).unwrap();
    assert_eq!(state["calls"].as_array().map(Vec::len), Some(2), "late calls do not count");
    assert_eq!(state["text"], "done");
}

#[test]
fn a_reply_may_be_calls_in_writing_and_prose_is_none() {
    let water = |bed: &str| json!({"name": "garden.water", "arguments": {"bed": bed, "minutes": 5}});
    let cases = [
        (water("a").to_string(), json!([water("a")])),
        (format!("```json\n[{}, {}]\n```", water("a"), water("b")), json!([water("a"), water("b")])),
        ("garden.water(bed='a', minutes=5)".into(), json!([water("a")])),
        (
            " [garden.water(bed=\"a\", minutes=5,), garden.water(minutes=5, bed='b')] ".into(),
            json!([water("a"), water("b")]),
        ),
        (
            r#"f(a=[1, -2.5], b={"k": (True, None)}, c='it\'s', d=1_000)"#.into(),
            json!([{"name": "f", "arguments": {"a": [1, -2.5], "b": {"k": [true, null]}, "c": "it's", "d": 1000}}]),
        ),
        ("[]".into(), json!([])),
        ("I would call garden.water(bed='a', minutes=5).".into(), json!([])),
        ("garden.water(bed=a)".into(), json!([])),
        ("garden.water('a', 5)".into(), json!([])),
        ("{\"name\": \"garden.water\"}".into(), json!([])),
        (format!("f(a={}1", "[".repeat(5_000)), json!([])),
        ("f(a='\u{1F600}".into(), json!([])),
    ];
    for (reply, expected) in cases {
        let (mut environment, _, _) = begun("multiple", 0);
        assert!(step(&mut environment, &text(&reply)).done);
        let state: Value = read(environment.state()).unwrap();
        assert_eq!(state["calls"], expected, "{reply}");
    }
}

#[test]
fn a_conversation_is_told_with_its_roles() {
    let (_, task, observation) = begun("live_multiple", 3);
    assert!(observation.text.starts_with("[system]\nYou are the front desk"), "{}", observation.text);
    assert!(observation.text.contains("\n\n[user]\nneed the room at Eastfield"));
    assert_eq!(task.prompt, "need the room at Eastfield for 5 of us on 2025-11-03 from 14:00, 1.5 hrs");
}

#[test]
fn bad_input_is_named_with_its_class() {
    let class = |config: Value| environment(&config).err().map(|error| error.class);
    assert_eq!(class(json!({"categroy": "multiple"})), Some(ErrorClass::CONFIG));
    assert_eq!(class(json!({"category": "sql"})), Some(ErrorClass::CONFIG));
    assert_eq!(class(json!({"naming": "dashes"})), Some(ErrorClass::CONFIG));

    let mut absent = environment(&json!({"data": "no/such/folder"})).unwrap();
    let error = tasks(&mut absent, &TaskQuery::default()).unwrap_err();
    assert_eq!(error.class, ErrorClass::CONFIG);
    assert!(error.message.contains("no/such/folder") && error.message.contains("data pull bfcl"), "{error}");

    let (mut environment, task, _) = begun("multiple", 0);
    let error = tasks(&mut environment, &TaskQuery { split: "gate".into(), ..TaskQuery::default() }).unwrap_err();
    assert_eq!(error.class, ErrorClass::INPUT);
    let three = tasks(&mut environment, &TaskQuery { limit: 3, ..TaskQuery::default() }).unwrap();
    assert_eq!(three.len(), 3);
    let foreign = json!({"id": "x", "data": {"game": 1}}).to_string();
    let refused: Result<Observation, _> = read(environment.reset(foreign.as_str().into(), 0));
    assert_eq!(refused.unwrap_err().class, ErrorClass::INPUT);

    let without_gold = Task { gold: Value::Null, ..task.clone() };
    let error = verify("ast", &without_gold, &json!({"calls": []})).unwrap_err();
    assert!(error.message.contains("without its gold answer"), "{error}");
    let error = verify("choice", &task, &json!({"moves": 3})).unwrap_err();
    assert_eq!(error.class, ErrorClass::INPUT);
}
