//! Model calls: named by their chained key, replayed where the record has them, else made and recorded; fallbacks stand
//! in when a model is unavailable. Retrying is the model module's own business.

use std::sync::Arc;

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, ErrorClass, Message, ModelInfo, ModuleError, Role, Sampling, ScoreReply,
    ScoreRequest, kit,
    stable::{RStr, RString},
};
use harness_host::LoadedModel;
use harness_trace::{CallKey, Entry, Purpose, StoredChat, StoredScores, TraceError};

use crate::{
    driver::Live,
    seed,
    sinks::{self, Filled},
    spending::within_reason,
    wait::{Stopped, until},
};

/// A chat to be had.
pub(crate) struct Chat {
    pub role: String,
    /// The key of `messages`.
    pub prefix: CallKey,
    pub messages: Arc<Vec<Message>>,
    pub tools: Arc<str>,
    pub constraint: RString,
    /// Without the seed, which is derived here.
    pub sampling: Sampling,
    /// Which call of this purpose in the step, from 1; the step's own is 0.
    pub index: u64,
    pub purpose: Purpose,
}

/// Why a call has no reply.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The model, or the last of its fallbacks, failed.
    Module { module: String, error: ModuleError },
    /// The episode was stopped while waiting.
    Stopped(Stopped),
    /// The record failed.
    Record(TraceError),
}

impl From<TraceError> for CallError {
    fn from(error: TraceError) -> Self {
        Self::Record(error)
    }
}

/// The digest of a request's head, kept because heads tend to stay: tools are not hashed again every step.
#[derive(Debug, Default)]
pub(crate) struct HeadCache {
    tools: Arc<str>,
    constraint: RString,
    sampling: Sampling,
    model: String,
    digest: String,
}

impl HeadCache {
    fn digest(&mut self, model: &str, chat: &Chat) -> &str {
        // The seed is not set yet, so equal sampling is equal but for it.
        let known = !self.digest.is_empty()
            && Arc::ptr_eq(&self.tools, &chat.tools)
            && self.constraint == chat.constraint
            && self.sampling == chat.sampling
            && self.model == model;
        if !known {
            let sampling = kit::json(&chat.sampling);
            let head = [model, &chat.tools, chat.constraint.as_str(), sampling.as_str()];
            *self = Self {
                tools: chat.tools.clone(),
                constraint: chat.constraint.clone(),
                sampling: chat.sampling.clone(),
                model: model.to_owned(),
                digest: CallKey::default().head(&head).to_hex(),
            };
        }
        &self.digest
    }
}

/// Whether equal requests of different seeds have equal replies.
fn ignores_seed(info: &ModelInfo, sampling: &Sampling) -> bool {
    info.deterministic && sampling.temperature == 0.0 && !info.seeded
}

impl Live<'_> {
    /// Has a chat, with fallbacks; records it and counts what it used.
    pub async fn chat(&mut self, chat: Chat) -> Result<ChatReply, CallError> {
        let agent = self.agent;
        let Some(role) = agent.role(&chat.role) else { return Err(no_role(&chat.role)) };
        let mut models = role.models.iter().peekable();
        while let Some((reference, model)) = models.next() {
            let module = || reference.to_string();
            match self.chat_with(model, &chat).await {
                Err(CallError::Module { error, .. }) if error.class.is_transient() && models.peek().is_some() => {
                    self.machine.note_fault(None, &module(), &error);
                }
                Err(CallError::Module { error, .. }) => return Err(CallError::Module { module: module(), error }),
                other => return other,
            }
        }
        Err(no_role(&chat.role))
    }

    async fn chat_with(&mut self, model: &Arc<LoadedModel>, chat: &Chat) -> Result<ChatReply, CallError> {
        let asker = match &chat.purpose {
            Purpose::Step => "",
            Purpose::Ask(module) => module,
        };
        let seed = seed::derive(self.model_seed, self.machine.step, chat.index, asker);
        let named = chat.prefix;
        let head = self.head.digest(&model.info.digest, chat);
        let key = if ignores_seed(&model.info, &chat.sampling) {
            named.head(&[head])
        } else {
            named.head(&[head, &format!("{seed:016x}")])
        };
        let replayed = if self.spec.replay { self.spec.recorder.chat(&key)? } else { None };
        let began = self.look();
        let (reply, micros, replayed) = match replayed {
            Some(stored) => {
                let StoredChat { message, finish, usage, extra, micros } = stored;
                (ChatReply { message, finish, usage, extra: extra.into() }, micros, true)
            }
            None => {
                let sampling = kit::json(&Sampling { seed, ..chat.sampling.clone() });
                let mut reply = self.send_chat(model, chat, sampling).await?;
                reply.usage = within_reason(reply.usage);
                let micros = self.look().saturating_sub(began);
                let stored = StoredChat {
                    message: reply.message.clone(),
                    finish: reply.finish,
                    usage: reply.usage,
                    extra: reply.extra.to_string(),
                    micros,
                };
                self.spec.recorder.put_chat(key, stored)?;
                (reply, micros, false)
            }
        };
        self.machine.spent.add(reply.usage, replayed);
        self.machine.entries.push(Entry::Chat {
            role: chat.role.clone(),
            key,
            purpose: chat.purpose.clone(),
            finish: reply.finish,
            usage: reply.usage,
            began: Some(began),
            micros,
            replayed,
        });
        Ok(reply)
    }

    async fn send_chat(
        &mut self,
        model: &Arc<LoadedModel>,
        chat: &Chat,
        sampling: RString,
    ) -> Result<ChatReply, CallError> {
        let observer = matches!(chat.purpose, Purpose::Step).then(|| self.spec.observer.clone()).flatten();
        let (sink, filled) = sinks::chat(&self.spec.cancel, observer);
        let reply = if model.blocking {
            let (model, messages, tools) = (model.clone(), chat.messages.clone(), chat.tools.clone());
            let constraint = chat.constraint.clone();
            let work = move || begin_chat(&model, &messages, &tools, &constraint, &sampling, sink);
            self.on_blocking_thread(work, filled).await?
        } else {
            begin_chat(model, &chat.messages, &chat.tools, &chat.constraint, &sampling, sink);
            self.filled(filled).await?
        };
        if reply.message.role() != Role::Assistant {
            let message = format!("it replied with a message of role {:?}", reply.message.role());
            return Err(failed(ModuleError::fault(message)));
        }
        Ok(reply)
    }

    /// Waits for an answer.
    pub async fn filled<T>(&mut self, filled: Filled<T>) -> Result<T, CallError> {
        match until(filled, &self.spec.cancel, self.time_left()).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            // Whoever stopped because it was told to has not failed, and may have been faster than the news of it.
            Ok(Ok(Err(error))) if error.class == ErrorClass::CANCELLED && self.spec.cancel.is_cancelled() => {
                Err(CallError::Stopped(Stopped::Cancelled))
            }
            Ok(Ok(Err(error))) => Err(failed(error)),
            Ok(Err(_)) => Err(failed(ModuleError::fault("it gave up without an answer"))),
            Err(stopped) => Err(CallError::Stopped(stopped)),
        }
    }

    /// Does blocking work elsewhere and waits for its answer, and until it has let go of what it borrowed.
    async fn on_blocking_thread<T>(
        &mut self,
        work: impl FnOnce() + Send + 'static,
        filled: Filled<T>,
    ) -> Result<T, CallError> {
        let thread = tokio::task::spawn_blocking(work);
        match until(thread, &self.spec.cancel, self.time_left()).await {
            Ok(_) => self.filled(filled).await,
            Err(stopped) => Err(CallError::Stopped(stopped)),
        }
    }

    /// Has scores; records them and counts what they used.
    pub async fn scores(
        &mut self,
        role_name: &str,
        request: &ScoreRequest,
        purpose: Purpose,
    ) -> Result<ScoreReply, CallError> {
        let agent = self.agent;
        let Some(role) = agent.role(role_name) else { return Err(no_role(role_name)) };
        let prefix = score_key(request);
        let mut models = role.models.iter().peekable();
        while let Some((reference, model)) = models.next() {
            let module = || reference.to_string();
            match self.score_with(role_name, model, request, prefix, &purpose).await {
                Err(CallError::Module { error, .. }) if error.class.is_transient() && models.peek().is_some() => {
                    self.machine.note_fault(None, &module(), &error);
                }
                Err(CallError::Module { error, .. }) => return Err(CallError::Module { module: module(), error }),
                other => return other,
            }
        }
        Err(no_role(role_name))
    }

    async fn score_with(
        &mut self,
        role: &str,
        model: &Arc<LoadedModel>,
        request: &ScoreRequest,
        prefix: CallKey,
        purpose: &Purpose,
    ) -> Result<ScoreReply, CallError> {
        let key = prefix.head(&[&model.info.digest, "score", &request.extra]);
        let replayed = if self.spec.replay { self.spec.recorder.scores(&key)? } else { None };
        let began = self.look();
        let (reply, micros, replayed) = match replayed {
            Some(StoredScores { scores, usage, micros }) => {
                (ScoreReply { scores: scores.into(), usage, extra: RString::new() }, micros, true)
            }
            None => {
                let (sink, filled) = sinks::score(&self.spec.cancel);
                let request = request.clone();
                let wanted = request.items.len();
                let mut reply = if model.blocking {
                    let model = model.clone();
                    self.on_blocking_thread(move || model.score(request, sink), filled).await?
                } else {
                    model.score(request, sink);
                    self.filled(filled).await?
                };
                reply.usage = within_reason(reply.usage);
                if reply.scores.len() != wanted {
                    let message = format!("it gave {} scores for {wanted} items", reply.scores.len());
                    return Err(failed(ModuleError::fault(message)));
                }
                let micros = self.look().saturating_sub(began);
                let stored = StoredScores { scores: reply.scores.to_vec(), usage: reply.usage, micros };
                self.spec.recorder.put_scores(key, stored)?;
                (reply, micros, false)
            }
        };
        self.machine.spent.add(reply.usage, replayed);
        self.machine.entries.push(Entry::Score {
            role: role.to_owned(),
            key,
            purpose: purpose.clone(),
            usage: reply.usage,
            began: Some(began),
            micros,
            replayed,
        });
        Ok(reply)
    }
}

fn begin_chat(
    model: &LoadedModel,
    messages: &[Message],
    tools: &str,
    constraint: &str,
    sampling: &str,
    sink: ChatSink,
) {
    let request = ChatRequest {
        messages: messages.into(),
        tools_json: tools.into(),
        constraint_json: constraint.into(),
        sampling_json: sampling.into(),
        extra: RStr::default(),
    };
    model.chat(&request, sink);
}

/// The caller adds which model it was.
fn failed(error: ModuleError) -> CallError {
    CallError::Module { module: String::new(), error }
}

fn no_role(role: &str) -> CallError {
    let error = ModuleError::config(format_args!("no model serves the role `{role}`; add `[model.{role}]`"));
    CallError::Module { module: format!("model:{role}"), error }
}

/// Names the items of a score request. Items in a row that share a prompt share the work of naming it.
fn score_key(request: &ScoreRequest) -> CallKey {
    let mut names = Vec::with_capacity(request.items.len());
    let mut prompt: (&[Message], CallKey) = (&[], CallKey::default());
    for item in &request.items {
        if !same_messages(prompt.0, &item.prompt) {
            prompt = (&item.prompt, crate::conversation::key_of(&item.prompt));
        }
        names.push(prompt.1.head(&[&item.completion]).to_hex());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    CallKey::default().head(&names)
}

/// Whether two conversations are made of the very same messages: told by their parts' addresses, since messages are shared.
fn same_messages(a: &[Message], b: &[Message]) -> bool {
    let same = |(a, b): (&Message, &Message)| {
        let (a, b) = (a.stored_parts(), b.stored_parts());
        !a.is_empty() && a.len() == b.len() && a.as_ptr() == b.as_ptr()
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}
