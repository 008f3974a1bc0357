//! Models: one of the choices when there are choices, a score for every item, the same answer to the same request.

use std::{
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

use harness_abi::{
    ChatReply, ChatRequest, Constraint, DeltaKind, Message, ModuleError, RawChatSink, RawScoreSink, Sampling,
    ScoreItem, ScoreReply, ScoreRequest, chat_sink, kit, score_sink,
    stable::{RResult, RStr},
};
use harness_host::LoadedModel;
use harness_spec::{Capability, Module};

use super::{
    memory::{self, short},
    report::Sheet,
};

struct Sink<T> {
    reply: Sender<RResult<T, ModuleError>>,
    cancelled: bool,
}

impl RawChatSink for Sink<ChatReply> {
    fn delta(&self, _: DeltaKind, _: RStr<'_>) -> bool {
        !self.cancelled
    }

    fn cancelled(&self) -> bool {
        self.cancelled
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        // Nobody listens any more only if the suite itself has ended.
        let _ = self.reply.send(reply);
    }
}

impl RawScoreSink for Sink<ScoreReply> {
    fn cancelled(&self) -> bool {
        self.cancelled
    }

    fn finish(self, reply: RResult<ScoreReply, ModuleError>) {
        let _ = self.reply.send(reply);
    }
}

/// What a model is given for a check: language models on a slow machine take their time.
const PATIENCE: Duration = Duration::from_secs(120);
/// Other requests between two that must be answered alike.
const BETWEEN: u64 = 5;
/// Tokens are enough that show whether two replies are alike.
const TOKENS: u32 = 8;

pub(super) fn examine(model: &Arc<LoadedModel>, manifest: &Module, process: Option<u32>, sheet: &mut Sheet) {
    let it = model.clone();
    let named = sheet.check("says who it is", move || match (it.info.name.as_str(), it.info.digest.as_str()) {
        ("", _) | (_, "") => {
            Err("it has no name or no digest, so its calls cannot be told from another model's".to_owned())
        }
        (name, _) => Ok(name.to_owned()),
    });
    if !named {
        return;
    }
    let repeats = super::promise::repeats(manifest) && model.info.deterministic;
    const CHOICE: &str = "keeps to one of the choices";
    if manifest.provides.contains(&Capability::Choice) {
        let it = model.clone();
        sheet.within(PATIENCE, CHOICE, move || choose(&it, repeats));
    } else {
        sheet.leave_out(CHOICE, "it does not provide `choice`");
    }
    const SCORE: &str = "scores every item";
    if manifest.provides.contains(&Capability::Score) {
        let it = model.clone();
        sheet.within(PATIENCE, SCORE, move || score_all(&it, repeats));
    } else {
        sheet.leave_out(SCORE, "it does not provide `score`");
    }
    const SAME: &str = "answers the same with the same seed";
    const FRESH: &str = "carries nothing from one episode to another";
    if repeats {
        let it = model.clone();
        sheet.within(PATIENCE, SAME, move || {
            let same = said(&it, 7)? == said(&it, 7)?;
            if same { Ok(String::new()) } else { Err("it answers the same request in two ways".to_owned()) }
        });
        let it = model.clone();
        sheet.within(PATIENCE, FRESH, move || {
            let before = said(&it, 7)?;
            (100..100 + BETWEEN).try_for_each(|seed| said(&it, seed).map(drop))?;
            let same = before == said(&it, 7)?;
            if same { Ok(String::new()) } else { Err(format!("it answers otherwise after {BETWEEN} other requests")) }
        });
    } else {
        [SAME, FRESH].into_iter().for_each(|name| sheet.leave_out(name, super::promise::NOT_PROMISED));
    }
    let it = model.clone();
    sheet.within(PATIENCE, "comes back when the episode is cancelled", move || {
        let began = Instant::now();
        // A reply is as good as an error: what counts is that it returns.
        ask(&it, &Constraint::Free, 7, true).map(|_| short(began.elapsed()))
    });
    let it = model.clone();
    memory::examine(sheet, process, move |number| {
        let choices = vec!["open the door".to_owned(), "look".to_owned()];
        ask(&it, &Constraint::Choice { choices }, u64::from(number), false).map(drop)
    });
}

fn choose(model: &LoadedModel, repeats: bool) -> Result<String, String> {
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
    Ok(format!("`{text}`"))
}

/// A free reply, or why there is none: what does not hold for it must not hold again.
fn said(model: &LoadedModel, seed: u64) -> Result<Result<Message, String>, String> {
    let reply = ask(model, &Constraint::Free, seed, false)?;
    Ok(reply.map(|reply| reply.message).map_err(|error| error.to_string()))
}

fn score_all(model: &LoadedModel, repeats: bool) -> Result<String, String> {
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
    Ok(String::new())
}

fn chat(model: &LoadedModel, constraint: &Constraint) -> Result<ChatReply, String> {
    ask(model, constraint, 7, false)?.map_err(|error| format!("it cannot chat: {error}"))
}

fn ask(
    model: &LoadedModel,
    constraint: &Constraint,
    seed: u64,
    cancelled: bool,
) -> Result<Result<ChatReply, ModuleError>, String> {
    let messages = [Message::system("You are in a house."), Message::user("What do you do?")];
    let (constraint, sampling) =
        (kit::json(constraint), kit::json(&Sampling { seed, max_tokens: TOKENS, ..Sampling::default() }));
    let request = ChatRequest {
        messages: messages[..].into(),
        tools_json: "".into(),
        constraint_json: constraint.as_rstr(),
        sampling_json: sampling.as_rstr(),
        extra: "".into(),
    };
    let (reply, receive) = channel();
    model.chat(&request, chat_sink(Sink { reply, cancelled }));
    let reply = receive.recv().map_err(|_| "a chat was never answered".to_owned())?;
    Ok(reply.into_result())
}

fn score(model: &LoadedModel, items: &[ScoreItem]) -> Result<ScoreReply, String> {
    let (reply, receive) = channel();
    model.score(ScoreRequest::new(items.iter().cloned()), score_sink(Sink { reply, cancelled: false }));
    let reply = receive.recv().map_err(|_| "a score was never answered".to_owned())?;
    reply.into_result().map_err(|error| format!("it cannot score: {error}"))
}
