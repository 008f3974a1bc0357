//! Decisions as the record keeps them. Whatever passed the contract has a form.

use harness_abi::{Decision, Message};
use serde_json::{Value, json};

/// The recorded form of a decision: `{"kind": {…}}`. What the history holds anyway is not kept twice.
pub(crate) fn form(decision: &Decision) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    // What was checked parses; an unchecked text is kept as text.
    let parsed = |json: &str| serde_json::from_str(json).unwrap_or_else(|_| text(json));
    // A message with a part newer than this version has no form: the record says so with a null.
    let message = |message: &Message| serde_json::to_value(message).unwrap_or(Value::Null);
    let body = match decision {
        Decision::SetSystem { .. } => Value::Null,
        Decision::EditHistory { edits } => {
            edits.iter().map(|edit| json!([edit.start, edit.end, edit.with.len()])).collect()
        }
        Decision::SetLastUser { text: t } | Decision::AppendUser { text: t } => text(t),
        Decision::ShowTools { names } => names.iter().map(|name| text(name)).collect(),
        Decision::Constrain { constraint_json } => parsed(constraint_json),
        Decision::UseModel { role } => text(role),
        Decision::Sample { sampling_json } => parsed(sampling_json),
        Decision::SetResponse { message: m } | Decision::Answer { message: m } => message(m),
        Decision::SetArguments { arguments } => parsed(arguments),
        Decision::SetResult { text, is_error } => json!({"text": text.as_str(), "is_error": is_error}),
        Decision::Split { messages } => messages.iter().map(message).collect(),
        Decision::Interrupt { reason } => text(reason),
        Decision::Adapt { signal } => text(signal),
        Decision::Annotate { key, value_json } => json!({"key": key.as_str(), "value": parsed(value_json)}),
        _ => Value::Null,
    };
    json!({ crate::contract::name(decision): body })
}
