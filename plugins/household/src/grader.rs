//! The grader: whether the goal held when the episode ended. Reads the environment's final state and nothing else.

use harness_abi::{Grade, Grader, Message, ModuleError, Task};
use serde_json::Value;

/// Gives 1 for a goal reached.
#[derive(Debug)]
pub struct Goal;

impl Grader for Goal {
    fn grade(&self, _: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let won = state["won"].as_bool().ok_or_else(|| {
            ModuleError::input(format_args!("the final state has no field `won`: {state}; is it a household game's?"))
        })?;
        let reason = if won { "the goal holds" } else { "the goal does not hold" };
        Ok(Grade { reward: f64::from(u8::from(won)), reasons: vec![reason.into()], ..Grade::default() })
    }
}
