//! Models: one of the choices when there are choices, a score for every item, the same answer to the same request.

use std::sync::mpsc::{Sender, channel};

use harness_abi::{
    ChatReply, ChatRequest, Constraint, DeltaKind, Message, ModuleError, RawChatSink, RawScoreSink, Sampling,
    ScoreItem, ScoreReply, ScoreRequest, chat_sink, kit, score_sink,
    stable::{RResult, RStr},
};
use harness_host::LoadedModel;
use harness_spec::{Capability, Module};

struct Sink<T>(Sender<RResult<T, ModuleError>>);

impl RawChatSink for Sink<ChatReply> {
    fn delta(&self, _: DeltaKind, _: RStr<'_>) -> bool {
        true
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        // Nobody listens any more only if the suite itself has ended.
        let _ = self.0.send(reply);
    }
}

impl RawScoreSink for Sink<ScoreReply> {
    fn cancelled(&self) -> bool {
        false
    }

    fn finish(self, reply: RResult<ScoreReply, ModuleError>) {
        let _ = self.0.send(reply);
    }
}

pub(super) fn examine(model: &LoadedModel, manifest: &Module) -> Result<(), String> {
    if model.info.name.is_empty() || model.info.digest.is_empty() {
        return Err("it has no name or no digest, so its calls cannot be told from another model's".to_owned());
    }
    let repeats = super::repeats(manifest) && model.info.deterministic;
    if manifest.provides.contains(&Capability::Choice) {
        let choices = ["open the door".to_owned(), "look".to_owned(), "open the window".to_owned()];
        let constraint = Constraint::Choice { choices: choices.to_vec() };
        let reply = chat(model, &constraint)?;
        let text = reply.message.text().into_owned();
        // A stand-in may do nothing; a language model has no such excuse.
        let excused = model.info.simulated && text.is_empty();
        if !choices.contains(&text) && !excused {
            return Err(format!("asked for one of {choices:?} it says `{text}`"));
        }
        if repeats {
            // What it used may differ: a second request finds more in the model's cache.
            let again = chat(model, &constraint)?;
            if (&again.message, again.finish, &again.extra) != (&reply.message, reply.finish, &reply.extra) {
                return Err("it answers the same request in two ways".to_owned());
            }
        }
    }
    if manifest.provides.contains(&Capability::Score) {
        let items = ["north", "to the north", ""].map(|text| ScoreItem::new(&[Message::user("Where is it?")], text));
        let reply = score(model, &items)?;
        if reply.scores.len() != items.len() {
            return Err(format!("it gives {} scores for {} items", reply.scores.len(), items.len()));
        }
        if let Some(wrong) = reply.scores.iter().find(|score| score.logprob.is_nan() || score.logprob > 0.0) {
            return Err(format!("{} is no log-probability", wrong.logprob));
        }
        if repeats && score(model, &items)?.scores != reply.scores {
            return Err("it scores the same items in two ways".to_owned());
        }
    }
    Ok(())
}

fn chat(model: &LoadedModel, constraint: &Constraint) -> Result<ChatReply, String> {
    let messages = [Message::system("You are in a house."), Message::user("What do you do?")];
    let (constraint, sampling) = (kit::json(constraint), kit::json(&Sampling { seed: 7, ..Sampling::default() }));
    let request = ChatRequest {
        messages: messages[..].into(),
        tools_json: "".into(),
        constraint_json: constraint.as_rstr(),
        sampling_json: sampling.as_rstr(),
        extra: "".into(),
    };
    let (send, receive) = channel();
    model.chat(&request, chat_sink(Sink(send)));
    let reply = receive.recv().map_err(|_| "a chat was never answered".to_owned())?;
    reply.into_result().map_err(|error| format!("it cannot chat: {error}"))
}

fn score(model: &LoadedModel, items: &[ScoreItem]) -> Result<ScoreReply, String> {
    let (send, receive) = channel();
    model.score(ScoreRequest::new(items.iter().cloned()), score_sink(Sink(send)));
    let reply = receive.recv().map_err(|_| "a score was never answered".to_owned())?;
    reply.into_result().map_err(|error| format!("it cannot score: {error}"))
}
