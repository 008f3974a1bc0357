//! Episodes that go on with a caller's conversation: its messages are the history, and calls of the tools it brought are left to
//! the caller. Refuses to answer such a call itself. Pure, like the machine it is part of.

use std::mem;

use harness_abi::{Message, ToolSpec};
use harness_trace::Entry;

use crate::machine::Machine;

/// A conversation to go on with.
#[derive(Debug, Clone, Default)]
pub struct Dialogue {
    /// What the caller puts above it: the system prompt before any processor sets its own. Empty for none.
    pub system: String,
    /// What was said so far; the last message is the caller's or the result of a call that was left to the caller.
    pub messages: Vec<Message>,
    /// Tools the caller performs, beside those of the harness. A name of the harness's own is a fault of the episode.
    pub tools: Vec<ToolSpec>,
}

/// A call that is left to the caller, as before_tool left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Joins the call to its result.
    pub id: String,
    /// The caller's tool.
    pub name: String,
    /// The arguments: a JSON object as text.
    pub arguments: String,
}

impl Machine {
    /// The episode goes on with a caller's conversation.
    pub fn begin_dialogue(&mut self, dialogue: &mut Dialogue) {
        self.caller_tools = mem::take(&mut dialogue.tools);
        self.rebuild_tools();
        if !dialogue.system.is_empty() {
            self.talk.set_system(&dialogue.system);
            self.entries.push(Entry::System { text: mem::take(&mut dialogue.system) });
        }
        for message in mem::take(&mut dialogue.messages) {
            self.push(message);
        }
    }

    /// Calls that nobody here performs are the caller's.
    pub fn leave_to_caller(&mut self) {
        let (kept, left) = mem::take(&mut self.calls).into_iter().partition(|call| call.result.is_some());
        self.calls = kept;
        self.left.extend::<Vec<_>>(left);
    }

    /// The calls that were left to the caller.
    pub fn into_left(calls: Vec<crate::machine::ToolCall>) -> Vec<Left> {
        calls.into_iter().map(|call| Left { id: call.id, name: call.name, arguments: call.arguments }).collect()
    }
}
