//! What of a reply is marked, and what it is compared with. Refuses a task without an answer: a grader that has nothing
//! to compare with must not pass anything.

use harness_abi::{ModuleError, Task};
use serde_json::Value;

/// The part of the reply that counts: all of it, or what follows the last `after`. `None` if there was no reply, or it
/// lacks those words.
pub(crate) fn marked<'a>(state: &'a Value, after: &str) -> Option<&'a str> {
    let reply = state["answer"].as_str()?;
    if after.is_empty() {
        return Some(reply.trim());
    }
    reply.rfind(after).map(|at| reply[at + after.len()..].trim())
}

/// The answers of a task as texts: any one, or all of them, as the grader reads them.
pub(crate) fn answers(task: &Task) -> Result<Vec<String>, ModuleError> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let answer = &task.gold["answer"];
    let all = match answer {
        Value::Array(all) => all.iter().map(text).collect::<Option<Vec<_>>>(),
        one => text(one).map(|one| vec![one]),
    };
    all.filter(|all| !all.is_empty()).ok_or_else(|| {
        let given = if answer.is_null() { "none".to_owned() } else { answer.to_string() };
        ModuleError::input(format_args!(
            "task {}: `answer` must be a text, a number or a list of them; it is {given}",
            task.id
        ))
    })
}
