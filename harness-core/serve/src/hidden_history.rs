//! What clients cannot see of a conversation: calls of the harness's tools and their results, notes of processors. A client sends
//! back what it has seen, and here is kept what it lacks, under whose conversation it is, in which session, and what was seen.
//! Little is kept: what is forgotten goes on with what the client sends.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use harness_abi::{Message, Role};
use harness_trace::CallKey;

use crate::access::Principal;

/// Most conversations kept.
const MOST: usize = 4096;
/// Most bytes of text in all of them.
const BYTES: usize = 64 << 20;

/// Conversations by what their clients have seen.
#[derive(Debug, Default)]
pub(crate) struct HiddenHistory {
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

/// What a client has seen, as keys. They are made without the lock of what is kept: a long conversation takes long to hash.
#[derive(Debug)]
pub(crate) struct Seen {
    /// After every reply: how many messages there are, and the key of all of them.
    replies: Vec<(usize, CallKey)>,
    /// The key of all messages.
    all: CallKey,
}

impl Seen {
    /// What `principal` has seen in `session` of what `variant` answered under `system`. Another principal or session has other
    /// keys, whatever its messages.
    pub fn new(principal: &Principal, session: &str, variant: &str, system: &str, messages: &[Message]) -> Self {
        let mut all = CallKey::default().head(&[&principal.name(), session, variant, system]);
        let mut replies = Vec::new();
        for (place, message) in messages.iter().enumerate() {
            all = all.push(message);
            if message.role() == Role::Assistant {
                replies.push((place + 1, all));
            }
        }
        Self { replies, all }
    }

    /// The key of all of it and an answer.
    pub fn answered(&self, answer: &Message) -> CallKey {
        self.all.push(answer)
    }
}

impl HiddenHistory {
    /// Of the longest beginning of what was seen that is kept: how many messages the client has of it, and how it really went.
    pub fn find(&self, seen: &Seen) -> Option<(usize, Arc<Vec<Message>>)> {
        seen.replies.iter().rev().find_map(|(place, key)| Some((*place, self.known.get(key)?.history.clone())))
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

/// The messages of a client, with what it could not see of their beginning.
pub(crate) fn completed(found: Option<(usize, Arc<Vec<Message>>)>, messages: Vec<Message>) -> Vec<Message> {
    let Some((after, history)) = found else { return messages };
    history.iter().cloned().chain(messages.into_iter().skip(after)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use hyper::HeaderMap;

    fn principal(token: &str) -> Principal {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        Access::new(Some(token)).admit(&headers).unwrap()
    }

    #[test]
    fn a_conversation_goes_on_as_it_went_for_whom_it_went_so() {
        let (ann, bob) = (principal("ann"), principal("bob"));
        let mut hidden = HiddenHistory::default();
        let said = [Message::user("a"), Message::assistant("b")];
        let inner = vec![Message::user("a"), Message::user("note"), Message::assistant("b")];
        let key = Seen::new(&ann, "1", "v", "s", &said[..1]).answered(&said[1]);
        hidden.keep(key, inner);
        let next = [said.to_vec(), vec![Message::user("c")]].concat();
        let texts = |who: &Principal, session: &str, variant: &str, system: &str, messages: &[Message]| {
            let found = hidden.find(&Seen::new(who, session, variant, system, messages));
            let history = completed(found, messages.to_vec());
            history.iter().map(|message| message.text().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts(&ann, "1", "v", "s", &next), "a note b c");
        for (who, session, variant, system, what) in [
            (&ann, "2", "v", "s", "another session"),
            (&ann, "", "v", "s", "no session"),
            (&bob, "1", "v", "s", "another principal"),
            (&ann, "1", "w", "s", "another variant"),
            (&ann, "1", "v", "t", "another system prompt"),
        ] {
            assert_eq!(texts(who, session, variant, system, &next), "a b c", "{what}");
        }
        let other = [vec![Message::user("A"), Message::assistant("b")], vec![Message::user("c")]].concat();
        assert_eq!(texts(&ann, "1", "v", "s", &other), "A b c", "another conversation");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let who = principal("ann");
        let mut hidden = HiddenHistory::default();
        let key = |text: &str| Seen::new(&who, "", "v", "", &[]).answered(&Message::assistant(text));
        for number in 0..MOST + 10 {
            let text = number.to_string();
            hidden.keep(key(&text), vec![Message::assistant(text)]);
        }
        assert_eq!((hidden.known.len(), hidden.order.len()), (MOST, MOST));
        hidden.keep(key("large"), vec![Message::assistant("x".repeat(BYTES - 1))]);
        assert!(hidden.bytes <= BYTES && hidden.known.len() <= 2, "{}", hidden.known.len());
    }
}
