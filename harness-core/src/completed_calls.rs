//! What tools gave in an earlier attempt of an episode, so that a resumed one does not do it again: a call changes the world, and
//! has changed it. Calls of models need none of this: they are found by their keys.

use harness_abi::Part;
use harness_trace::{Entry, TraceError};
use serde::{Deserialize, Serialize};

/// A call of a tool that was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedCall {
    /// Empty for a call of the episode itself; for one of an episode inside it what follows the outer one's id in its.
    pub within: String,
    /// In which step.
    pub step: u64,
    /// Of which tool.
    pub name: String,
    /// With which arguments: JSON as text.
    pub arguments: String,
    /// What it gave, as processors left it.
    pub text: String,
    /// Whether it reported failure.
    pub is_error: bool,
    /// How long it took, in microseconds.
    pub micros: u64,
}

impl CompletedCall {
    /// The calls among the entries of an episode, in order.
    ///
    /// # Errors
    ///
    /// The first error of `entries`.
    pub fn of(entries: impl Iterator<Item = Result<(u64, Entry), TraceError>>) -> Result<Vec<Self>, TraceError> {
        let mut calls: Vec<Self> = Vec::new();
        let mut open: Option<(String, usize)> = None;
        for entry in entries {
            match entry? {
                (step, Entry::Tool { id, name, arguments, is_error, micros, .. }) => {
                    open = Some((id, calls.len()));
                    let within = String::new();
                    calls.push(Self { within, step, name, arguments, text: String::new(), is_error, micros });
                }
                (_, Entry::Message { message }) => {
                    let Some((id, at)) = open.take() else { continue };
                    for part in message.known_parts() {
                        if let (Part::ToolResult { id: answered, text, .. }, Some(call)) = (part, calls.get_mut(at))
                            && *answered == id
                        {
                            call.text = text.to_string();
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(calls)
    }

    /// Takes out the first call that equals this one of this step.
    pub(crate) fn take(all: &mut Vec<Self>, step: u64, name: &str, arguments: &str) -> Option<Self> {
        let same = |done: &Self| {
            done.within.is_empty() && done.step == step && done.name == name && done.arguments == arguments
        };
        all.iter().position(same).map(|at| all.remove(at))
    }

    /// Takes out the calls of the inner episode of this name, and of those inside it.
    pub(crate) fn take_within(all: &mut Vec<Self>, name: &str) -> Vec<Self> {
        let of = |call: &Self| {
            call.within.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('.')).map(str::to_owned)
        };
        let (mut taken, kept): (Vec<Self>, Vec<Self>) =
            std::mem::take(all).into_iter().partition(|call| of(call).is_some());
        *all = kept;
        for call in &mut taken {
            call.within = of(call).unwrap_or_default();
        }
        taken
    }
}
