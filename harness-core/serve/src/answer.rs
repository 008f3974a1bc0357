//! What an episode comes to, for the client: the answer's text, calls of its tools, why it ended, and what the record says of it.

use harness_abi::{Finish, Message, Usage};
use harness_core::{Episode, Left};
use harness_trace::Outcome;
use serde_json::{Map, Value, json};

use crate::{content, error::ApiError, reply_text::ReplyText};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub text: String,
    pub reasoning: String,
    pub calls: Vec<Left>,
    pub finish: &'static str,
    pub usage: Usage,
    /// This and what follows as the record has it.
    steps: u64,
    outcome: Outcome,
    reason: String,
}

impl Answer {
    /// The answer of an episode in which this was said.
    pub fn of(episode: &Episode, reply_text: &ReplyText) -> Result<Self, ApiError> {
        let end = &episode.end;
        match end.outcome {
            Outcome::Done | Outcome::Budget | Outcome::Interrupted => {}
            Outcome::Infrastructure => {
                return Err(ApiError::unavailable(format!("the task could not be done: {}", end.reason)));
            }
            Outcome::Cancelled => return Err(ApiError::unavailable("the server is stopping")),
            Outcome::Fault => return Err(ApiError::failed(format!("the harness failed: {}", end.reason))),
        }
        let finish = match (end.outcome, episode.finish) {
            _ if !episode.left.is_empty() => "tool_calls",
            (Outcome::Budget, _) => "length",
            (Outcome::Interrupted, _) => "content_filter",
            _ if reply_text.cut => "stop",
            (_, Finish::LENGTH) => "length",
            (_, Finish::FILTERED) => "content_filter",
            _ => "stop",
        };
        Ok(Self {
            text: reply_text.answer.clone(),
            reasoning: reply_text.beside.clone(),
            calls: episode.left.clone(),
            finish,
            usage: end.usage,
            steps: end.steps,
            outcome: end.outcome,
            reason: end.reason.clone(),
        })
    }

    /// The message as the client will send it back.
    pub fn as_sent_back(&self) -> Message {
        let calls = self.calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str()));
        content::canonical(&self.text, calls)
    }

    /// The message of a completion.
    pub fn message(&self) -> Value {
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        let silent = self.text.is_empty() && !self.calls.is_empty();
        message.insert("content".into(), if silent { Value::Null } else { self.text.as_str().into() });
        message.insert("refusal".into(), Value::Null);
        if !self.reasoning.is_empty() {
            message.insert("reasoning_content".into(), self.reasoning.as_str().into());
        }
        if !self.calls.is_empty() {
            message.insert("tool_calls".into(), self.calls.iter().map(call).collect());
        }
        message.into()
    }

    /// What was used: tokens of every model call of the episode.
    pub fn usage(&self) -> Value {
        let Usage { input_tokens, cached_tokens, output_tokens, .. } = self.usage;
        json!({
            "prompt_tokens": input_tokens, "completion_tokens": output_tokens, "total_tokens": input_tokens + output_tokens,
            "prompt_tokens_details": {"cached_tokens": cached_tokens},
        })
    }

    /// What this protocol has no words for.
    pub fn beside(&self, episode: &str, variant: &str, ignored: &[String]) -> Value {
        json!({
            "episode": episode, "variant": variant, "outcome": self.outcome, "reason": self.reason, "steps": self.steps,
            "ignored": ignored,
        })
    }
}

/// A call of a client's tool.
pub(crate) fn call(call: &Left) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}
