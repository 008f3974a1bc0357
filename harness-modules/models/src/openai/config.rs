//! The configuration, and what it makes the model say of itself.

use harness_abi::ModelInfo;
use serde::Deserialize;

use crate::http::{Service, identity};

/// Configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server.
    #[serde(flatten)]
    pub service: Service,
    /// Which of the two protocols it speaks.
    pub api: Api,
    /// How a choice among strings is asked for.
    pub choice: Choice,
    /// Whether the server must follow JSON schemas to the letter (it then refuses some).
    pub strict: bool,
    /// Whether log-probabilities are asked for.
    pub logprobs: bool,
    /// The name of the limit of tokens in chat completions.
    pub max_tokens_field: String,
    /// Whether the seed is sent.
    pub send_seed: bool,
}

/// The two protocols of this family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `POST /chat/completions`.
    Chat,
    /// `POST /responses`.
    Responses,
}

/// How a choice among strings is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// An `enum` in a JSON schema, unwrapped from the reply.
    JsonSchema,
    /// The field `guided_choice`, which some servers know.
    GuidedChoice,
    /// Not at all: such requests are refused.
    Refuse,
}

impl Config {
    /// What the model says of itself.
    pub fn info(&self) -> ModelInfo {
        let mut capabilities = vec!["tools", "json_schema"];
        if self.choice != Choice::Refuse {
            capabilities.push("choice");
        }
        if self.logprobs {
            capabilities.push("logprobs");
        }
        // What shapes a reply is part of the name; keys, patience and prices are not. What was added later stands there only where it
        // differs from what was before, so that calls recorded then are still found.
        let service = &self.service;
        let mut settings =
            serde_json::json!([self.choice as u8, self.strict, self.logprobs, self.send_seed, service.extra_body]);
        if let (Some(settings), Api::Responses) = (settings.as_array_mut(), self.api) {
            settings.push("responses".into());
        }
        if let (Some(settings), false) = (settings.as_array_mut(), service.send_sampling) {
            settings.push("own sampling".into());
        }
        ModelInfo {
            name: service.model.clone(),
            digest: format!("openai/{}/{}/{settings}", identity(&service.base_url), service.model),
            context_length: service.context_length,
            capabilities: capabilities.into_iter().map(String::from).collect(),
            ..ModelInfo::default()
        }
    }
}
