//! The pack `{{name}}`: a grader that compares a field of the final state with the task's answer.

use harness_abi::{Grade, Message, ModuleError, Task, Grader};
use serde::Deserialize;
use serde_json::Value;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct Field {
    name: String,
}

impl Grader for Field {
    /// Sees what nobody else does: the task with its answer (`gold`).
    fn grade(&self, task: &Task, state: &Value, _history: &[Message]) -> Result<Grade, ModuleError> {
        let found = if self.name.is_empty() { state } else { &state[&self.name] };
        let right = *found == task.gold;
        Ok(Grade {
            reward: f64::from(u8::from(right)),
            reasons: if right { Vec::new() } else { vec![format!("{} is {found}, not {}", self.name, task.gold)] },
            ..Grade::default()
        })
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    graders: { "field" => |config: Field| Ok(config) },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_field_decides() {
        let task = Task { gold: json!(true), ..Task::default() };
        let field = Field { name: "won".into() };
        assert_eq!(field.grade(&task, &json!({"won": true}), &[]).unwrap().reward, 1.0);
        assert_eq!(field.grade(&task, &json!({"won": false}), &[]).unwrap().reward, 0.0);
    }
}
