//! Environments: tasks that stay the same, episodes that repeat, no error at a foolish action. Verifiers: rewards in range.

use harness_abi::{Action, EnvironmentBox, Judgement, Observation, Task, TaskQuery, kit};
use harness_host::Resolved;
use serde_json::{Value, json};

/// Tasks that are played.
const PLAYED: usize = 3;

pub(super) fn examine_environment(resolved: &Resolved) -> Result<(), String> {
    let tasks = tasks(resolved)?;
    if tasks.is_empty() {
        return Err("it has no tasks".to_owned());
    }
    if tasks != self::tasks(resolved)? {
        return Err("it lists different tasks the second time".to_owned());
    }
    let mut ids = std::collections::HashSet::new();
    if let Some(twice) = tasks.iter().find(|task| !ids.insert(&task.id)) {
        return Err(format!("two tasks are called `{}`", twice.id));
    }
    for task in tasks.iter().take(PLAYED) {
        let first = play(resolved, task)?;
        if super::repeats(&resolved.manifest) && first != play(resolved, task)? {
            return Err(format!("task `{}` goes differently the second time", task.id));
        }
    }
    Ok(())
}

fn start(resolved: &Resolved) -> Result<EnvironmentBox, String> {
    resolved.environment().map_err(|error| format!("it does not start: {error}"))
}

fn tasks(resolved: &Resolved) -> Result<Vec<Task>, String> {
    let query = kit::json(&TaskQuery { seed: 7, ..TaskQuery::default() });
    let tasks = start(resolved)?.tasks(query.as_rstr()).into_result();
    let tasks = tasks.map_err(|error| format!("it cannot list its tasks: {error}"))?;
    serde_json::from_str(&tasks).map_err(|error| format!("its tasks do not parse: {error}"))
}

/// A foolish action, then those that are admissible, first come first served; then the final state.
fn play(resolved: &Resolved, task: &Task) -> Result<(Vec<Observation>, Value), String> {
    let fail = |what: &str, error: &dyn std::fmt::Display| format!("task `{}`: {what}: {error}", task.id);
    let shown = Task { gold: Value::Null, ..task.clone() };
    let mut world = start(resolved)?;
    let mut seen = Vec::new();
    let first = world.reset(kit::json(&shown).as_rstr(), 7).into_result();
    let mut last = first.map_err(|error| fail("it does not reset", &error))?;
    for step in 0..5 {
        let observation: Observation =
            serde_json::from_str(&last).map_err(|error| fail("its observation does not parse", &error))?;
        let over = observation.done;
        let action = observation.admissible.first().filter(|_| step > 0).cloned();
        seen.push(observation);
        if over {
            break;
        }
        let action = Action::Text { text: action.unwrap_or_else(|| "§ nonsense §".to_owned()) };
        let next = world.step(kit::json(&action).as_rstr()).into_result();
        last = next.map_err(|error| fail("a foolish action is an error, it should be an observation", &error))?;
    }
    let state = world.state().into_result().map_err(|error| fail("it has no final state", &error))?;
    let state = serde_json::from_str(&state).map_err(|error| fail("its final state does not parse", &error))?;
    Ok((seen, state))
}

/// Judges states that no environment would leave; an error is as good as a reward, silence or nonsense is not.
pub(super) fn examine_verifier(resolved: &Resolved) -> Result<(), String> {
    let verifier = resolved.verifier().map_err(|error| format!("it does not start: {error}"))?;
    let task = Task { id: "conformance".to_owned(), ..Task::default() };
    for state in [json!(null), json!({}), json!({"won": "maybe", "calls": 3}), json!([1, 2])] {
        let (task, text) = (kit::json(&task), kit::json(&state));
        let Ok(judged) = verifier.verify(task.as_rstr(), text.as_rstr(), (&[][..]).into()).into_result() else {
            continue;
        };
        let judged: Judgement =
            serde_json::from_str(&judged).map_err(|error| format!("its judgement does not parse: {error}"))?;
        if !(0.0..=1.0).contains(&judged.reward) {
            return Err(format!("it gives {state} a reward of {}, which is not from 0 to 1", judged.reward));
        }
    }
    Ok(())
}
