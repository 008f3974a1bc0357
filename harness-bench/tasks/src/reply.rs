//! What of a reply is marked, and what it is compared with. Refuses a task without an answer: a grader that has nothing
//! to compare with must not pass anything.

use harness_abi::{ModuleError, Task};
use serde_json::Value;

use crate::text::plain;

/// The part of the reply that counts: all of it, or what follows the last `after`, which may be spelt in another way. `None` if there
/// was no reply, or it lacks those words.
pub(crate) fn marked(state: &Value, after: &str) -> Option<String> {
    let reply = state["answer"].as_str()?;
    let following = |reply: &str, after: &str| reply.rfind(after).map(|at| reply[at + after.len()..].trim().to_owned());
    match after {
        "" => Some(reply.trim().to_owned()),
        after => following(reply, after).or_else(|| following(&plain(reply), &plain(after))),
    }
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
