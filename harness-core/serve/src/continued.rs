//! Conversations that may go on: a client sees no tool of the harness and no note of a processor, so what it sends back lacks them.
//! Here they are kept, under the key of what the client has seen. Refuses to keep much: what is forgotten goes on with what the
//! client sends.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use harness_abi::{Message, Role};
use harness_trace::CallKey;

/// Most conversations kept.
const MOST: usize = 4096;
/// Most bytes of text in all of them.
const BYTES: usize = 64 << 20;

/// Conversations by what their clients have seen.
#[derive(Debug, Default)]
pub(crate) struct Continued {
    known: HashMap<CallKey, Kept>,
    /// The oldest first.
    order: VecDeque<CallKey>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    history: Arc<Vec<Message>>,
    bytes: usize,
}

/// What a client has seen of a conversation, as one key: `variant` answered under `system`.
pub(crate) fn seen(variant: &str, system: &str, messages: &[Message]) -> CallKey {
    messages.iter().fold(CallKey::default().head(&[variant, system]), |key, message| key.push(message))
}

impl Continued {
    /// The history behind a client's messages: where they begin with a conversation that is kept, as it really went.
    pub fn history(&self, variant: &str, system: &str, messages: Vec<Message>) -> Vec<Message> {
        let mut key = seen(variant, system, &[]);
        let mut found = None;
        for (place, message) in messages.iter().enumerate() {
            key = key.push(message);
            if message.role() == Role::Assistant
                && let Some(kept) = self.known.get(&key)
            {
                found = Some((place + 1, kept.history.clone()));
            }
        }
        let Some((after, history)) = found else { return messages };
        history.iter().cloned().chain(messages.into_iter().skip(after)).collect()
    }

    /// Keeps a conversation.
    pub fn keep(&mut self, key: CallKey, history: Vec<Message>) {
        let bytes = history.iter().map(Message::text_len).sum();
        if bytes > BYTES || self.known.contains_key(&key) {
            return;
        }
        while self.order.len() >= MOST || self.bytes + bytes > BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= self.known.remove(&oldest).map_or(0, |kept| kept.bytes);
        }
        self.bytes += bytes;
        self.order.push_back(key);
        self.known.insert(key, Kept { history: Arc::new(history), bytes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_goes_on_as_it_went() {
        let mut continued = Continued::default();
        let said = [Message::user("a"), Message::assistant("b")];
        let inner = vec![Message::user("a"), Message::user("note"), Message::assistant("b")];
        continued.keep(seen("v", "s", &said), inner);
        let next = [said.to_vec(), vec![Message::user("c")]].concat();
        let texts = |variant: &str, system: &str, messages: &[Message]| {
            let history = continued.history(variant, system, messages.to_vec());
            history.iter().map(|message| message.text().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts("v", "s", &next), "a note b c");
        assert_eq!(texts("w", "s", &next), "a b c", "another variant");
        assert_eq!(texts("v", "t", &next), "a b c", "another system prompt");
        let other = [vec![Message::user("A"), Message::assistant("b")], vec![Message::user("c")]].concat();
        assert_eq!(texts("v", "s", &other), "A b c", "another conversation");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut continued = Continued::default();
        for number in 0..MOST + 10 {
            let said = [Message::assistant(number.to_string())];
            continued.keep(seen("v", "", &said), said.to_vec());
        }
        assert_eq!((continued.known.len(), continued.order.len()), (MOST, MOST));
        let large = "x".repeat(BYTES - 1);
        continued.keep(seen("v", "", &[Message::assistant("large")]), vec![Message::assistant(large)]);
        assert!(continued.bytes <= BYTES && continued.known.len() <= 2, "{}", continued.known.len());
    }
}
