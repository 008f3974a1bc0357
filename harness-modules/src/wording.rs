//! How a module speaks to the model at before_model: into the last user message where there is one, else in one of its own.

use harness_abi::{Cx, Decision, Role};

/// Adds `text` after what the model reads last.
pub fn add(cx: &Cx<'_>, text: &str) -> Decision {
    place(cx, |last| format!("{last}\n\n{text}"), text)
}

/// Adds `text` before the words of the last user message.
pub fn add_before(cx: &Cx<'_>, text: &str) -> Decision {
    place(cx, |last| format!("{text}\n\n{last}"), text)
}

fn place(cx: &Cx<'_>, combine: impl FnOnce(&str) -> String, alone: &str) -> Decision {
    match cx.history().last() {
        Some(last) if last.role() == Role::User => Decision::SetLastUser { text: combine(&last.text()).into() },
        _ => Decision::AppendUser { text: alone.into() },
    }
}
