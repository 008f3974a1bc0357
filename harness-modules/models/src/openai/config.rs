//! The configuration, and what it makes the model say of itself.

use harness_abi::ModelInfo;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Up to and including the version: `https://…/v1`.
    pub base_url: String,
    /// The server's name for the model.
    pub model: String,
    /// The environment variable that holds the key; empty: none is sent.
    pub api_key_env: String,
    /// Whether replies are streamed.
    pub stream: bool,
    /// How a choice among strings is asked for.
    pub choice: Choice,
    /// Whether the server must follow JSON schemas to the letter (it then refuses some).
    pub strict: bool,
    /// Whether log-probabilities are asked for.
    pub logprobs: bool,
    /// The name of the limit of tokens.
    pub max_tokens_field: String,
    /// Whether the seed is sent.
    pub send_seed: bool,
    /// Put into every request as it is.
    pub extra_body: Map<String, Value>,
    /// Most tokens of prompt and reply; 0 when unknown.
    pub context_length: u64,
    /// Milliseconds to connect.
    pub connect_timeout_ms: u64,
    /// Milliseconds without a byte.
    pub idle_timeout_ms: u64,
    /// Milliseconds for a reply in all, retries included.
    pub total_timeout_ms: u64,
    /// Attempts after the first.
    pub retries: u32,
    /// The first wait between attempts is drawn below it; it doubles.
    pub backoff_ms: u64,
    /// No wait is longer.
    pub max_backoff_ms: u64,
    /// Dollars for a million tokens read.
    pub input_price: f64,
    /// Dollars for a million tokens read from the cache.
    pub cached_price: f64,
    /// Dollars for a million tokens written.
    pub output_price: f64,
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
        // What shapes a reply is part of the name; keys, patience and prices are not.
        let settings =
            serde_json::json!([self.choice as u8, self.strict, self.logprobs, self.send_seed, self.extra_body]);
        ModelInfo {
            name: self.model.clone(),
            digest: format!("openai/{}/{}/{settings}", self.base_url.trim_end_matches('/'), self.model),
            context_length: self.context_length,
            capabilities: capabilities.into_iter().map(String::from).collect(),
            ..ModelInfo::default()
        }
    }
}
