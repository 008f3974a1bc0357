//! The verifier: the desk that was reached, against the one that serves the request.

use harness_abi::{Judgement, Message, ModuleError, Task, Verifier};
use serde::Deserialize;
use serde_json::Value;

/// 1 if the choices are the known way.
#[derive(Debug, Clone, Copy)]
pub struct Reached;

impl Verifier for Reached {
    fn verify(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Judgement, ModuleError> {
        let way = Vec::<String>::deserialize(&task.gold)?;
        if way.is_empty() {
            return Err(ModuleError::input(format_args!("task {} reached the verifier without its desk", task.id)));
        }
        let chosen = Vec::<String>::deserialize(&state["chosen"])?;
        let right =
            |level: usize| f64::from(u8::from(chosen.get(level).is_some_and(|name| way.get(level) == Some(name))));
        let reward = f64::from(u8::from(chosen == way));
        let reasons = if chosen == way { Vec::new() } else { vec![format!("the call ended at {chosen:?}")] };
        Ok(Judgement { reward, parts: vec![("department".to_owned(), right(0))], reasons, ..Judgement::default() })
    }
}
