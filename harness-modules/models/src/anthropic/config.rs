//! The configuration, and what it makes the model say of itself.

use harness_abi::ModelInfo;
use serde::Deserialize;
use serde_json::json;

use crate::http::{Service, identity};

/// Configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server.
    #[serde(flatten)]
    pub service: Service,
    /// The version of the protocol.
    pub version: String,
    /// Features that are not yet part of it, as the server calls them.
    pub betas: Vec<String>,
    /// How JSON is asked for.
    pub structured: Structured,
    /// Tokens a reply may think for; 0 for none.
    pub thinking_tokens: u32,
    /// Whether the prompt so far is marked for the server's cache.
    pub cache: bool,
}

/// How JSON is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structured {
    /// As the arguments of a tool that must be called.
    Tool,
    /// In the field `output_config`.
    OutputConfig,
    /// Not at all: such requests are refused.
    Refuse,
}

impl Config {
    /// What the model says of itself.
    pub fn info(&self) -> ModelInfo {
        let mut capabilities = vec!["tools"];
        if self.structured != Structured::Refuse {
            capabilities.extend(["json_schema", "choice"]);
        }
        // What shapes a reply is part of the name; keys, patience, prices and the server's cache are not.
        let service = &self.service;
        // The clients of this protocol leave the version out of the address; people copy both.
        let base = identity(&service.base_url);
        let (path, query) = base.split_once('?').map_or((base.as_str(), None), |(path, query)| (path, Some(query)));
        let path = path.strip_suffix("/v1").unwrap_or(path);
        let base = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let settings = json!([
            self.version,
            self.betas,
            self.structured as u8,
            self.thinking_tokens,
            service.send_sampling,
            service.extra_body
        ]);
        ModelInfo {
            name: service.model.clone(),
            digest: format!("anthropic/{base}/{}/{settings}", service.model),
            context_length: service.context_length,
            capabilities: capabilities.into_iter().map(String::from).collect(),
            ..ModelInfo::default()
        }
    }
}
