//! Parts that messages, decisions and answers between a host and a child share: items to score, errors.

use harness_abi::{
    ErrorClass, Message, ModuleError, Score, ScoreItem, ScoreReply, ScoreRequest, Usage,
    stable::{RString, RVec},
};
use serde::{Deserialize, Serialize};

/// Items to score; messages they share cross once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EncodedItems {
    messages: Vec<Message>,
    items: Vec<(Vec<u32>, String)>,
}

impl EncodedItems {
    pub fn new(request: &ScoreRequest) -> Self {
        let mut known = std::collections::HashMap::new();
        let mut encoded = Self::default();
        for item in &request.items {
            let prompt = item.prompt.iter().map(|message| {
                *known.entry(message.address()).or_insert_with(|| {
                    encoded.messages.push(message.clone());
                    (encoded.messages.len() - 1) as u32
                })
            });
            let prompt = prompt.collect();
            encoded.items.push((prompt, item.completion.to_string()));
        }
        encoded
    }

    /// The items; one that names a message that is not there has a prompt without it.
    pub fn into_request(self, extra: &str) -> ScoreRequest {
        let items = self.items.into_iter().map(|(prompt, completion)| {
            let prompt = prompt.into_iter().filter_map(|index| self.messages.get(index as usize).cloned());
            ScoreItem { prompt: prompt.collect(), completion: completion.into() }
        });
        ScoreRequest { items: items.collect(), extra: extra.into() }
    }
}

/// An error of a module.
#[derive(Debug, Serialize, Deserialize)]
pub struct EncodedError {
    pub class: ErrorClass,
    pub retry_after_ms: u64,
    pub message: RString,
    pub extra: RString,
}

impl From<ModuleError> for EncodedError {
    fn from(error: ModuleError) -> Self {
        let ModuleError { class, retry_after_ms, message, extra } = error;
        Self { class, retry_after_ms, message, extra }
    }
}

impl From<EncodedError> for ModuleError {
    fn from(error: EncodedError) -> Self {
        let EncodedError { class, retry_after_ms, message, extra } = error;
        Self { class, retry_after_ms, message, extra }
    }
}

pub fn score_reply(scores: Vec<Score>, usage: Usage, extra: RString) -> ScoreReply {
    ScoreReply { scores: RVec::from(scores), usage, extra }
}
