//! The entries of the present step, until the record has them.

use std::mem;

use harness_abi::{Message, Role};
use harness_trace::Entry;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    entries: Vec<Entry>,
    /// How many of them have been looked at for replies.
    reported: usize,
}

impl Journal {
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The next reply that has entered the conversation and was not given out yet.
    pub fn next_reply(&mut self) -> Option<Message> {
        while let Some(entry) = self.entries.get(self.reported) {
            self.reported += 1;
            if let Entry::Message { message } = entry
                && message.role() == Role::Assistant
            {
                return Some(message.clone());
            }
        }
        None
    }

    /// Gives none of the replies out that are here already.
    pub fn skip_replies(&mut self) {
        self.reported = self.entries.len();
    }

    pub fn take(&mut self) -> Vec<Entry> {
        self.reported = 0;
        mem::take(&mut self.entries)
    }
}
