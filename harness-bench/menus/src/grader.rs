//! The grader: the desk that was reached, against the one that serves the request.

use harness_abi::{Grade, Grader, Message, ModuleError, Task};
use serde::Deserialize;
use serde_json::Value;

/// 1 if the choices are the known way.
#[derive(Debug, Clone, Copy)]
pub struct Reached;

impl Grader for Reached {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let way = Vec::<String>::deserialize(&task.gold)?;
        if way.is_empty() {
            return Err(ModuleError::input(format_args!("task {} reached the grader without its desk", task.id)));
        }
        let chosen = Vec::<String>::deserialize(&state["chosen"])?;
        let right =
            |level: usize| f64::from(u8::from(chosen.get(level).is_some_and(|name| way.get(level) == Some(name))));
        let reward = f64::from(u8::from(chosen == way));
        let reasons = if chosen == way { Vec::new() } else { vec![format!("the call ended at {chosen:?}")] };
        Ok(Grade { reward, parts: vec![("department".to_owned(), right(0))], reasons, ..Grade::default() })
    }
}
