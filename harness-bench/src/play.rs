//! Actions played in an environment without a harness, and marked: known solutions, and what a careless grader would pass. The
//! environment is not given the answer.

use harness_abi::{Action, EnvironmentBox, Grade, ModuleError, Observation, Task, kit};
use harness_core::GraderBinding;
use serde_json::Value;

use crate::graders;

/// What came of actions.
pub(crate) struct Played {
    /// Actions until the environment said it is over.
    pub steps: u64,
    /// Whether the environment said so.
    pub done: bool,
    /// The final state.
    pub state: Value,
    /// The mark.
    pub grade: Grade,
}

/// What `task` shows first.
pub(crate) fn opened(environment: &mut EnvironmentBox, task: &Task, seed: u64) -> Result<Observation, ModuleError> {
    let first = environment.reset(kit::json(&Task { gold: Value::Null, ..task.clone() }).as_rstr(), seed);
    Ok(serde_json::from_str(&first.into_result()?)?)
}

/// Plays `actions` on `task`.
pub(crate) fn play(
    environment: &mut EnvironmentBox,
    grader: &GraderBinding,
    task: &Task,
    seed: u64,
    actions: &[Action],
) -> Result<Played, ModuleError> {
    opened(environment, task, seed)?;
    let (mut steps, mut done) = (0, false);
    for action in actions {
        steps += 1;
        let observation = environment.step(kit::json(action).as_rstr()).into_result()?;
        done = serde_json::from_str::<Observation>(&observation)?.done;
        if done {
            break;
        }
    }
    let state = environment.state().into_result()?;
    let grade = graders::grade(grader, task, &state)?;
    Ok(Played { steps, done, state: serde_json::from_str(&state)?, grade })
}
