//! Actions played in a world without a harness, and marked: known solutions, and what a careless verifier would pass. The world
//! is not told the answer.

use harness_abi::{Action, EnvironmentBox, Judgement, ModuleError, Observation, Task, VerifierBox, kit};
use serde_json::Value;

/// What came of actions.
pub(crate) struct Played {
    /// Actions until the world said it is over.
    pub steps: u64,
    /// The final state.
    pub state: Value,
    /// The mark.
    pub judgement: Judgement,
}

/// Plays `actions` on `task`.
pub(crate) fn play(
    world: &mut EnvironmentBox,
    verifier: &VerifierBox,
    task: &Task,
    seed: u64,
    actions: &[Action],
) -> Result<Played, ModuleError> {
    let whole = kit::json(task);
    world.reset(kit::json(&Task { gold: Value::Null, ..task.clone() }).as_rstr(), seed).into_result()?;
    let mut steps = 0;
    for action in actions {
        steps += 1;
        let observation = world.step(kit::json(action).as_rstr()).into_result()?;
        if serde_json::from_str::<Observation>(&observation)?.done {
            break;
        }
    }
    let state = world.state().into_result()?;
    let verdict = verifier.verify(whole.as_rstr(), state.as_rstr(), (&[][..]).into()).into_result()?;
    Ok(Played { steps, state: serde_json::from_str(&state)?, judgement: serde_json::from_str(&verdict)? })
}
