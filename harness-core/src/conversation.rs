//! The conversation of an episode: one vector of messages, the system message first, with the chained key of every
//! prefix. Models and processors borrow it; it is never copied, and a step hashes only what it added.

use std::sync::Arc;

use harness_abi::Message;
use harness_trace::CallKey;
use serde::{Deserialize, Serialize};

/// Messages and the keys of their prefixes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Conversation {
    /// Behind an `Arc` so that a model on another thread can borrow it; unique whenever nobody is reading.
    #[serde(with = "shared")]
    messages: Arc<Vec<Message>>,
    /// `keys[i]` names `messages[..=i]`; shorter than `messages` until the next request is named.
    #[serde(skip)]
    keys: Vec<CallKey>,
    /// The system prompt; its message is `messages[0]` when it is not empty.
    system: String,
}

impl Conversation {
    /// The system prompt, empty when none.
    pub fn system(&self) -> &str {
        &self.system
    }

    fn offset(&self) -> usize {
        usize::from(!self.system.is_empty())
    }

    /// All messages, the system message included.
    pub fn all(&self) -> &Arc<Vec<Message>> {
        &self.messages
    }

    /// The messages without the system message.
    pub fn history(&self) -> &[Message] {
        self.messages.get(self.offset()..).unwrap_or_default()
    }

    /// Appends a message.
    pub fn push(&mut self, message: Message) {
        Arc::make_mut(&mut self.messages).push(message);
    }

    /// Replaces messages `start..end` of the history. The caller has checked the range.
    pub fn splice(&mut self, start: usize, end: usize, with: impl IntoIterator<Item = Message>) {
        let (start, end) = (start + self.offset(), end + self.offset());
        Arc::make_mut(&mut self.messages).splice(start..end, with);
        self.keys.truncate(start);
    }

    /// Sets the system prompt; empty removes it.
    pub fn set_system(&mut self, text: &str) {
        let with = (!text.is_empty()).then(|| Message::system(text));
        let old = self.offset();
        Arc::make_mut(&mut self.messages).splice(..old, with);
        text.clone_into(&mut self.system);
        self.keys.clear();
    }

    /// The key of the whole conversation.
    pub fn key(&mut self) -> CallKey {
        let mut key = self.keys.last().copied().unwrap_or_default();
        for message in self.messages.get(self.keys.len()..).unwrap_or_default() {
            key = key.push(message);
            self.keys.push(key);
        }
        key
    }

    /// Gives the messages away, without the system message.
    pub fn into_history(self) -> Vec<Message> {
        let offset = self.offset();
        let mut all = Arc::unwrap_or_clone(self.messages);
        all.drain(..offset);
        all
    }
}

/// Shared messages as they are saved: their keys follow from them.
mod shared {
    use std::sync::Arc;

    use harness_abi::Message;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(messages: &Arc<Vec<Message>>, to: S) -> Result<S::Ok, S::Error> {
        messages.as_slice().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<Message>>, D::Error> {
        Vec::deserialize(from).map(Arc::new)
    }
}

/// The key of a conversation that is not the episode's.
pub(crate) fn key_of(messages: &[Message]) -> CallKey {
    messages.iter().fold(CallKey::default(), |key, message| key.push(message))
}
