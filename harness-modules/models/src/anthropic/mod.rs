//! `anthropic`: a server that speaks Messages, of whatever maker. Translates a request or refuses it, never drops a part of it.

mod config;
mod fold;
mod messages;
mod request;

use harness_abi::{ChatRequest, ModelInfo, ModuleError};
use harness_http::reqwest::RequestBuilder;
use serde_json::Value;

use crate::{
    http::{Protocol, Read, Remote},
    reply::Asked,
};
pub use config::{Config, Structured};

/// The protocol.
#[derive(Debug)]
pub struct Anthropic(Config);

/// A model behind such a server.
///
/// # Errors
///
/// The configuration is wrong: an address that is none, a key that is not there.
pub fn model(config: Config) -> Result<Remote<Anthropic>, ModuleError> {
    Remote::new(config.service.clone(), Anthropic(config))
}

impl Protocol for Anthropic {
    fn path(&self) -> &'static str {
        "/v1/messages"
    }

    fn signs_as_user(&self) -> bool {
        false
    }

    fn sign(&self, request: RequestBuilder, key: Option<&str>) -> RequestBuilder {
        let mut request = request.header("anthropic-version", &self.0.version);
        if !self.0.betas.is_empty() {
            request = request.header("anthropic-beta", self.0.betas.join(","));
        }
        match key {
            Some(key) => request.header("x-api-key", key),
            None => request,
        }
    }

    fn write(&self, request: &ChatRequest<'_>) -> Result<(Value, Asked), ModuleError> {
        request::write(&self.0, request)
    }

    fn read(&self) -> Box<dyn Read> {
        reader()
    }

    fn info(&self) -> ModelInfo {
        self.0.info()
    }
}

/// A reader for a message.
pub(crate) fn reader() -> Box<dyn Read> {
    Box::<fold::Fold>::default()
}
