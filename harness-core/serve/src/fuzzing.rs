//! What clients send, over bytes from anywhere: what a fuzzer calls. Answers nobody.

use harness_abi::{Message, Role};

use crate::{content, feedback::Feedback, request};

/// Reads `bytes` as the body of a chat completion request and of a feedback; gives how many of them they were.
///
/// # Errors
///
/// A request that was taken though the engine could not go on with it, or whose messages mean something else when they come back.
pub fn fuzz(bytes: &[u8]) -> Result<usize, String> {
    let feedback = match Feedback::read(bytes) {
        Ok(feedback) if !(0.0..=1.0).contains(&feedback.reward) => return Err(format!("took {feedback:?}")),
        read => usize::from(read.is_ok()),
    };
    let ask = match request::ask(bytes) {
        Ok(ask) => ask,
        Err(error) if error.status.is_client_error() && error.body()["error"]["message"].is_string() => {
            return Ok(feedback);
        }
        Err(error) => return Err(format!("refused with {error:?}")),
    };
    let messages = &ask.dialogue.messages;
    let unsound = match messages.last().map(Message::role) {
        Some(Role::User | Role::Tool) => None,
        _ => Some("nothing to answer"),
    };
    let same = |message: &Message| {
        let calls = message.calls().map(|call| (call.id, call.name, call.arguments));
        content::canonical(&message.text(), calls) == *message
    };
    let mut replies = messages.iter().filter(|message| message.role() == Role::Assistant);
    let unsound = unsound.or_else(|| (!replies.all(same)).then_some("words that change"));
    let unsound = unsound.or_else(|| ask.seed.is_some_and(|seed| seed > u64::MAX >> 1).then_some("a seed of 64 bits"));
    unsound.map_or(Ok(feedback + 1), |what| Err(format!("{what}: {ask:?}")))
}
