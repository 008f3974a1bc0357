//! Ids of tool calls. Servers leave them out, repeat them within a reply, or begin anew with every reply; results are joined to calls by
//! them, so each call of a conversation gets one of its own.

use std::collections::BTreeSet;

use harness_abi::Message;

/// Ids that are taken.
#[derive(Debug, Clone, Default)]
pub struct Ids(BTreeSet<String>);

impl Ids {
    /// Those of a conversation.
    pub fn of(messages: &[Message]) -> Self {
        Self(messages.iter().flat_map(Message::calls).map(|call| call.id.to_owned()).collect())
    }

    /// The server's id for a new call, or one of our own where it gave none or one that is taken.
    pub fn fresh(&mut self, given: &str) -> String {
        let mut id = given.to_owned();
        let mut number = self.0.len();
        while id.is_empty() || self.0.contains(&id) {
            id = if given.is_empty() { format!("call-{number}") } else { format!("{given}-{number}") };
            number += 1;
        }
        self.0.insert(id.clone());
        id
    }
}
