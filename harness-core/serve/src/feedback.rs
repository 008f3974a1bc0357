//! What a user thought of an answer: a fact of the episode's run, from which tasks may be made. It judges nothing by itself.

use harness_core::{Clock, SystemClock};
use harness_trace::{Store, TraceError};
use serde_json::{Value, json};

use crate::{error::ApiError, turn::ID};

/// The kind of the fact; its key is the episode.
pub const FEEDBACK: &str = "feedback";

/// What a user said of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    /// The episode.
    pub episode: String,
    /// How good the answer was, from 0 to 1.
    pub reward: f64,
    /// What would have been right; empty if it was not said.
    pub answer: String,
    /// Anything else; empty for nothing.
    pub comment: String,
}

impl Feedback {
    /// Reads `{"id": …, "reward": …, "answer": …, "comment": …}`.
    pub(crate) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| ApiError::malformed(format!("the body is no JSON: {error}")))?;
        let Some(id) = body["id"].as_str() else {
            return Err(ApiError::invalid("id", "`id` must be the id of an answer"));
        };
        let reward = match &body["reward"] {
            Value::Bool(good) => Some(f64::from(u8::from(*good))),
            other => other.as_f64().filter(|reward| (0.0..=1.0).contains(reward)),
        };
        let Some(reward) = reward else {
            return Err(ApiError::invalid("reward", "`reward` must be a number from 0 to 1, or true or false"));
        };
        let text = |key: &str| match &body[key] {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(ApiError::invalid(key, format!("`{key}` must be a string"))),
        };
        let episode = id.strip_prefix(ID).unwrap_or(id).to_owned();
        Ok(Self { episode, reward, answer: text("answer")?, comment: text("comment")? })
    }

    /// The feedback of a fact.
    pub fn of_fact(episode: &str, value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            episode: episode.to_owned(),
            reward: value["reward"].as_f64().unwrap_or_default(),
            answer: text("answer"),
            comment: text("comment"),
        }
    }

    /// Writes it down; later words on the same answer stand.
    pub(crate) fn put(&self, store: &Store) -> Result<(), ApiError> {
        let unknown =
            || ApiError::not_found("answer_not_found", format!("no answer `{}` was given here", self.episode));
        let row = match store.episode(&self.episode) {
            Ok(row) if row.start.episode == self.episode => row,
            Ok(_) | Err(TraceError::NoEpisode { .. } | TraceError::Ambiguous { .. }) => return Err(unknown()),
            Err(error) => return Err(ApiError::failed(error.to_string())),
        };
        let Self { episode, reward, answer, comment } = self;
        let fact = json!({"reward": reward, "answer": answer, "comment": comment, "at_ms": SystemClock.unix_millis()});
        store.put_fact(&row.start.run, FEEDBACK, episode, &fact).map_err(|error| ApiError::failed(error.to_string()))
    }
}
