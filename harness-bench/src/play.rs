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
    /// The final state.
    pub state: Value,
    /// The mark.
    pub grade: Grade,
}

/// Plays `actions` on `task`.
pub(crate) fn play(
    environment: &mut EnvironmentBox,
    grader: &GraderBinding,
    task: &Task,
    seed: u64,
    actions: &[Action],
) -> Result<Played, ModuleError> {
    environment.reset(kit::json(&Task { gold: Value::Null, ..task.clone() }).as_rstr(), seed).into_result()?;
    let mut steps = 0;
    for action in actions {
        steps += 1;
        let observation = environment.step(kit::json(action).as_rstr()).into_result()?;
        if serde_json::from_str::<Observation>(&observation)?.done {
            break;
        }
    }
    let state = environment.state().into_result()?;
    let grade = graders::grade(grader, task, &state)?;
    Ok(Played { steps, state: serde_json::from_str(&state)?, grade })
}
