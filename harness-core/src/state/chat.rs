//! Requests to models and their names in the record.

use std::sync::Arc;

use harness_abi::{ErrorClass, Message, ModelInfo, ModuleError, Sampling, ScoreRequest, kit, stable::RString};
use harness_trace::CallKey;

use crate::conversation::key_of;

/// A chat to be had.
pub(super) struct Chat {
    /// The key of `messages`.
    pub prefix: CallKey,
    pub messages: Arc<Vec<Message>>,
    pub tools: Arc<str>,
    pub constraint: RString,
    /// Without the seed, which is derived here.
    pub sampling: Sampling,
    /// Which chat of whoever asks it is in the step, from 1; the step's own is 0.
    pub index: u64,
    /// The processor that asks; empty for the step itself.
    pub asker: String,
}

/// The digest of a request's head, kept because heads tend to stay: tools are not hashed again every step.
#[derive(Debug, Default)]
pub(super) struct HeadCache {
    tools: Arc<str>,
    constraint: RString,
    sampling: Sampling,
    model: String,
    digest: String,
}

impl HeadCache {
    pub fn digest(&mut self, model: &str, chat: &Chat) -> &str {
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
pub(super) fn ignores_seed(info: &ModelInfo, sampling: &Sampling) -> bool {
    info.deterministic && sampling.temperature == 0.0 && !info.seeded
}

/// An error of a question that could not be put.
pub(super) fn unreadable(error: &serde_json::Error) -> ModuleError {
    ModuleError::new(ErrorClass::INPUT, format_args!("its sampling does not parse: {error}"))
}

/// Names the items of a score request. Items in a row that share a prompt share the work of naming it.
pub(super) fn score_key(request: &ScoreRequest) -> CallKey {
    let mut names = Vec::with_capacity(request.items.len());
    let mut prompt: (&[Message], CallKey) = (&[], CallKey::default());
    for item in &request.items {
        if !same_messages(prompt.0, &item.prompt) {
            prompt = (&item.prompt, key_of(&item.prompt));
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
