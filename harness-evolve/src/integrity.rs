//! What a module must not do to look good: turn a tool's error into a success, or say an answer that nobody told it. Read
//! from explore traces before the judge is asked. Refuses suspicion: each is an exact test on two recorded episodes, or on one
//! and the task's answer.

use std::collections::BTreeSet;

use harness_abi::Hook;
use harness_trace::{CallKey, Entry, ExploreTrace};
use serde_json::Value;

use crate::text_match::Words;

/// The first step at which one of `modules` made a success of a tool call that, with the same arguments, failed in the
/// incumbent's episode of the same task and seed: the module, and the step.
pub(crate) fn swallowed(
    incumbent: &ExploreTrace,
    candidate: &ExploreTrace,
    modules: &BTreeSet<&str>,
) -> Option<(String, u64)> {
    let failed: BTreeSet<(&str, &str)> =
        incumbent.entries().iter().filter_map(|(_, entry)| call(entry, true)).collect();
    let candidate = candidate.entries();
    let succeeded = candidate.iter().filter(|(_, entry)| call(entry, false).is_some_and(|call| failed.contains(&call)));
    succeeded.into_iter().find_map(|(step, _)| {
        candidate.iter().filter(|(at, _)| at == step).find_map(|(_, entry)| match entry {
            Entry::Decided { hook: Hook::AfterTool, module, decisions } if modules.contains(module.as_str()) => {
                let hides = |decision: &Value| decision["set_result"]["is_error"] == Value::Bool(false);
                decisions.as_array().is_some_and(|all| all.iter().any(hides)).then(|| (module.clone(), *step))
            }
            _ => None,
        })
    })
}

fn call(entry: &Entry, failed: bool) -> Option<(&str, &str)> {
    match entry {
        Entry::Tool { name, arguments, is_error, .. } if *is_error == failed => Some((name, arguments)),
        _ => None,
    }
}

/// The first step at which one of `modules` said an answer that stood neither in anything it could read before, nor in a
/// reply of the model: the module, and the step. `reply` gives the text of a recorded reply; where it cannot, the
/// model may have said it.
pub(crate) fn forged(
    trace: &ExploreTrace,
    modules: &BTreeSet<&str>,
    answers: &[Words],
    reply: impl Fn(&CallKey) -> Option<String>,
) -> Option<(String, u64)> {
    // Of what could be read before, only the answers in it matter.
    let mut known: BTreeSet<usize> = BTreeSet::new();
    for (step, entry) in trace.entries() {
        let text = match entry {
            Entry::Decided { module, decisions, .. } if modules.contains(module.as_str()) => {
                let said = Words::read(&decisions.to_string());
                if answers.iter().enumerate().any(|(k, answer)| !known.contains(&k) && said.hold(answer)) {
                    return Some((module.clone(), *step));
                }
                continue;
            }
            // A reply nobody can read may have held anything.
            Entry::Chat { key, .. } => reply(key)?,
            Entry::Message { message } => serde_json::to_string(message).unwrap_or_default(),
            Entry::Observed { observation } => serde_json::to_string(observation).unwrap_or_default(),
            Entry::System { text } => text.clone(),
            Entry::Edited { with, .. } => serde_json::to_string(with).unwrap_or_default(),
            _ => continue,
        };
        let text = Words::read(&text);
        known.extend(answers.iter().enumerate().filter(|(_, answer)| text.hold(answer)).map(|(k, _)| k));
    }
    None
}
