//! One request as one episode: from the client's messages to the answer, recorded, stopped when the client goes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use harness_abi::{Message, Role};
use harness_core::{Agent, Cancel, Clock, Dialogue, Episode, EpisodeSpec, RunError, Start, SystemClock};
use harness_trace::EpisodeStart;
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    access::Principal,
    answer::Answer,
    chunks::Chunks,
    error::ApiError,
    hidden_history::{Seen, completed},
    reply_text::{Commentary, ReplyText},
    request::Ask,
    service::Service,
};

/// What every object of an answer begins with.
#[derive(Debug)]
pub(crate) struct Head {
    pub episode: String,
    created: u64,
    model: String,
    variant: String,
    ignored: Vec<String>,
}

impl Head {
    /// An object of the protocol.
    pub fn object(&self, kind: &str) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("id".into(), format!("{ID}{}", self.episode).into());
        object.insert("object".into(), kind.into());
        object.insert("created".into(), self.created.into());
        object.insert("model".into(), self.model.as_str().into());
        object
    }

    /// What this protocol has no words for.
    pub fn beside(&self, answer: &Answer) -> Value {
        answer.beside(&self.episode, &self.variant, &self.ignored)
    }
}

/// What an answer's id has before the episode's.
pub(crate) const ID: &str = "chatcmpl-";

/// An episode that is about to begin.
pub(crate) struct Turn {
    pub head: Arc<Head>,
    agent: Arc<Agent>,
    spec: EpisodeSpec,
    reply_text: Arc<Mutex<ReplyText>>,
    /// Where words go as they come.
    chunks: Option<Chunks>,
    /// What the client has seen, without the answer.
    seen: Seen,
    _place: OwnedSemaphorePermit,
}

impl Turn {
    /// Takes one of the places for episodes and prepares the episode.
    pub fn new(service: &Service, principal: &Principal, ask: Ask, cancel: Cancel) -> Result<Self, ApiError> {
        if ask.model != service.name {
            let text = format!("no model `{}`; the one served here is `{}`", ask.model, service.name);
            return Err(ApiError::not_found("model_not_found", text));
        }
        let Dialogue { system, messages, tools } = ask.dialogue;
        let asked = messages.iter().rfind(|message| message.role() == Role::User).map(Message::text);
        let asked = asked.unwrap_or_default().into_owned();
        let agent = service.agent(&asked).ok_or_else(|| ApiError::failed("no variant plays this"))?;
        let mut own = agent.tool_names();
        if let Some(name) = own.find(|name| tools.iter().any(|tool| tool.name == *name)) {
            let text = format!("`{name}` is a tool of the harness itself; give yours another name");
            return Err(ApiError::invalid("tools", text));
        }
        drop(own);
        let capable = agent.model("main").is_some_and(|model| model.info.capabilities.iter().any(|one| one == "tools"));
        if !tools.is_empty() && !capable {
            return Err(ApiError::unsupported("tools", "the model behind this harness cannot call tools; send none"));
        }
        let place = service.places.clone().try_acquire_owned();
        let place = place.map_err(|_| ApiError::busy(service.limits.episodes))?;

        let number = service.number();
        let episode = format!("{}-{number:x}", service.run);
        let variant = agent.variant().to_owned();
        let callers = tools.iter().map(|tool| tool.name.clone()).collect();
        let text_is_answer = service.commentary == Commentary::Content || agent.tool_names().next().is_none();
        let reply_text = ReplyText::new(text_is_answer, ask.stop, callers);
        let seen = Seen::new(principal, &ask.session, &variant, &system, &messages);
        let found = service.hidden().find(&seen);
        let history = completed(found, messages);
        let meta = EpisodeStart {
            episode: episode.clone(),
            run: service.run.clone(),
            task: asked,
            group: ask.session,
            // Another seed for every request, so that asking again asks again.
            seed: ask.seed.unwrap_or_else(|| seed(&episode)),
            ..EpisodeStart::default()
        };
        let start = Start::Dialogue(Dialogue { system, messages: history, tools });
        let mut spec = EpisodeSpec::new(meta, start, service.store.clone());
        spec.cancel = cancel;
        spec.workspace = service.workspace.clone();
        let head = Head {
            episode,
            created: SystemClock.unix_millis() / 1000,
            model: service.name.clone(),
            variant,
            ignored: ask.ignored,
        };
        let reply_text = Arc::new(Mutex::new(reply_text));
        Ok(Self { head: Arc::new(head), agent, spec, reply_text, chunks: None, seen, _place: place })
    }

    /// Has words sent as they come.
    pub fn stream(&mut self, chunks: &Chunks) {
        self.chunks = Some(chunks.clone());
        if self.agent.keeps_replies() {
            let (reply_text, chunks) = (self.reply_text.clone(), chunks.clone());
            self.spec.observer = Some(Arc::new(move |kind, text| chunks.send(locked(&reply_text).delta(kind, text))));
        }
    }

    /// Runs the episode; when `closing` is used, it is stopped too.
    pub async fn run(self, service: &Service, closing: &Cancel) -> Result<Answer, ApiError> {
        let Self { head: _, agent, mut spec, reply_text, chunks, seen, _place } = self;
        let (listener, to) = (reply_text.clone(), chunks.clone());
        spec.replies = Some(Arc::new(move |message| {
            let pieces = locked(&listener).reply(message);
            to.iter().for_each(|chunks| chunks.send(pieces.clone()));
        }));
        let cancel = spec.cancel.clone();
        let running = agent.run(spec);
        tokio::pin!(running);
        let ended = tokio::select! {
            biased;
            ended = &mut running => ended,
            () = closing.cancelled() => {
                cancel.cancel();
                running.await
            }
        };
        let episode =
            ended.map_err(|RunError::Record(error)| ApiError::unavailable(format!("the record failed: {error}")))?;
        let pieces = locked(&reply_text).end();
        let answer = Answer::of(&episode, &locked(&reply_text))?;
        chunks.iter().for_each(|chunks| chunks.send(pieces.clone()));
        let Episode { history, .. } = episode;
        service.hidden().keep(seen.answered(&answer.as_sent_back()), history);
        Ok(answer)
    }
}

/// A panic while it is held does no harm: what was sent was sent.
fn locked(reply_text: &Mutex<ReplyText>) -> MutexGuard<'_, ReplyText> {
    reply_text.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seed(episode: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(episode.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(bytes) >> 1
}
