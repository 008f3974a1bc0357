//! Environments: tasks that stay the same, episodes that repeat, no error at a foolish action. Graders: rewards in range.

use std::time::Instant;

use harness_abi::{Action, EnvironmentBox, Grade, GraderBox, Observation, Task, TaskQuery, kit};
use harness_host::Resolved;
use serde_json::{Value, json};

use super::{
    memory::{self, short},
    report::Sheet,
};

/// Tasks that are played.
const PLAYED: usize = 3;

pub(super) fn examine_environment(resolved: &Resolved, sheet: &mut Sheet) {
    let it = resolved.clone();
    let sound = sheet.check("lists its tasks, and the same ones again", move || {
        let tasks = tasks(&it)?;
        if tasks.is_empty() {
            return Err("it has no tasks".to_owned());
        }
        if tasks != self::tasks(&it)? {
            return Err("it lists different tasks the second time".to_owned());
        }
        let mut ids = std::collections::HashSet::new();
        match tasks.iter().find(|task| !ids.insert(&task.id)) {
            Some(twice) => Err(format!("two tasks are called `{}`", twice.id)),
            None => Ok(format!("{} tasks", tasks.len())),
        }
    });
    if !sound {
        return;
    }
    let it = resolved.clone();
    sheet.check("plays, also foolish actions", move || {
        let began = Instant::now();
        let steps: usize =
            some(&it)?.iter().map(|task| play(&it, task).map(|(seen, _)| seen.len())).sum::<Result<_, _>>()?;
        Ok(format!("{steps} observations in {}", short(began.elapsed())))
    });
    const SAME: &str = "goes the same way with the same seed";
    const FRESH: &str = "carries nothing from one episode to another";
    if super::promise::repeats(&resolved.manifest) {
        let it = resolved.clone();
        sheet.check(SAME, move || {
            for task in some(&it)? {
                if play(&it, &task)? != play(&it, &task)? {
                    return Err(format!("task `{}` goes differently the second time", task.id));
                }
            }
            Ok(String::new())
        });
        let it = resolved.clone();
        sheet.check(FRESH, move || {
            let tasks = some(&it)?;
            let Some(task) = tasks.first() else { return Ok(String::new()) };
            let mut environment = start(&it)?;
            let before = run(&mut environment, task)?;
            tasks.iter().skip(1).try_for_each(|other| run(&mut environment, other).map(drop))?;
            let same = before == run(&mut environment, task)?;
            if same {
                Ok(String::new())
            } else {
                Err(format!("task `{}` goes differently after others in one environment", task.id))
            }
        });
    } else {
        [SAME, FRESH].into_iter().for_each(|name| sheet.leave_out(name, super::promise::NOT_PROMISED));
    }
    let it = resolved.clone();
    let played = some(&it).unwrap_or_default();
    memory::examine(sheet, resolved.process_id(), move |number| {
        let task = played.get(number as usize % played.len().max(1));
        task.map_or(Ok(()), |task| play(&it, task).map(drop))
    });
}

fn some(resolved: &Resolved) -> Result<Vec<Task>, String> {
    Ok(tasks(resolved)?.into_iter().take(PLAYED).collect())
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
    run(&mut start(resolved)?, task)
}

fn run(environment: &mut EnvironmentBox, task: &Task) -> Result<(Vec<Observation>, Value), String> {
    let fail = |what: &str, error: &dyn std::fmt::Display| format!("task `{}`: {what}: {error}", task.id);
    let shown = Task { gold: Value::Null, ..task.clone() };
    let mut seen = Vec::new();
    let first = environment.reset(kit::json(&shown).as_rstr(), 7).into_result();
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
        let next = environment.step(kit::json(&action).as_rstr()).into_result();
        last = next.map_err(|error| fail("a foolish action is an error, it should be an observation", &error))?;
    }
    let state = environment.state().into_result().map_err(|error| fail("it has no final state", &error))?;
    let state = serde_json::from_str(&state).map_err(|error| fail("its final state does not parse", &error))?;
    Ok((seen, state))
}

/// States that no environment would leave.
fn odd_states() -> [Value; 4] {
    [json!(null), json!({}), json!({"won": "maybe", "calls": 3}), json!([1, 2])]
}

pub(super) fn examine_grader(resolved: &Resolved, sheet: &mut Sheet) {
    let it = resolved.clone();
    let sound = sheet.check("gives rewards from 0 to 1, or an error", move || {
        let judged = grades(&judge(&it)?)?;
        Ok(format!("{} odd states, {} judged", judged.len(), judged.iter().flatten().count()))
    });
    if !sound {
        return;
    }
    const SAME: &str = "judges the same in the same way";
    if super::promise::repeats(&resolved.manifest) {
        let it = resolved.clone();
        sheet.check(SAME, move || {
            let grader = judge(&it)?;
            let before = grades(&grader)?;
            let same = before == grades(&grader)? && before == grades(&judge(&it)?)?;
            if same { Ok(String::new()) } else { Err("it judges the same state in two ways".into()) }
        });
    } else {
        sheet.leave_out(SAME, super::promise::NOT_PROMISED);
    }
    let it = resolved.clone();
    memory::examine(sheet, resolved.process_id(), move |_| grades(&judge(&it)?).map(drop));
}

fn judge(resolved: &Resolved) -> Result<GraderBox, String> {
    resolved.grader().map_err(|error| format!("it does not start: {error}"))
}

/// What it makes of states that no environment would leave; an error is as good as a reward, silence or nonsense is not.
fn grades(grader: &GraderBox) -> Result<Vec<Option<Grade>>, String> {
    let task = Task { id: "conformance".to_owned(), ..Task::default() };
    let mut all = Vec::new();
    for state in odd_states() {
        let (task, text) = (kit::json(&task), kit::json(&state));
        let Ok(judged) = grader.grade(task.as_rstr(), text.as_rstr(), (&[][..]).into()).into_result() else {
            all.push(None);
            continue;
        };
        let judged: Grade =
            serde_json::from_str(&judged).map_err(|error| format!("its grade does not parse: {error}"))?;
        if !(0.0..=1.0).contains(&judged.reward) {
            return Err(format!("it gives {state} a reward of {}, which is not from 0 to 1", judged.reward));
        }
        all.push(Some(judged));
    }
    Ok(all)
}
