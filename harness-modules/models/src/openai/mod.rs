//! `openai`: a server that speaks chat completions or Responses, of whatever maker. Translates a request or refuses it, never drops a
//! part of it.

mod chat;
mod chat_fold;
mod config;
mod constrain;
mod responses;
mod responses_fold;

use harness_abi::{ChatRequest, Message, ModelInfo, ModuleError, Part};
use harness_http::reqwest::RequestBuilder;
use serde_json::Value;

use crate::{
    http::{Protocol, Read, Remote},
    reply::Asked,
};
pub use config::{Api, Choice, Config};
pub(crate) use constrain::{choice_schema, no_words};

/// The protocols of this family.
#[derive(Debug)]
pub struct OpenAi(Config);

/// A model behind such a server.
///
/// # Errors
///
/// The configuration is wrong: an address that is none, a key that is not there.
pub fn model(config: Config) -> Result<Remote<OpenAi>, ModuleError> {
    Remote::new(config.service.clone(), OpenAi(config))
}

impl Protocol for OpenAi {
    fn path(&self) -> &'static str {
        match self.0.api {
            Api::Chat => "/chat/completions",
            Api::Responses => "/responses",
        }
    }

    fn signs_as_user(&self) -> bool {
        true
    }

    fn sign(&self, request: RequestBuilder, key: Option<&str>) -> RequestBuilder {
        match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    fn write(&self, request: &ChatRequest<'_>) -> Result<(Value, Asked), ModuleError> {
        match self.0.api {
            Api::Chat => chat::write(&self.0, request),
            Api::Responses => responses::write(&self.0, request),
        }
    }

    fn read(&self) -> Box<dyn Read> {
        match self.0.api {
            Api::Chat => chat_reader(),
            Api::Responses => responses_reader(),
        }
    }

    fn info(&self) -> ModelInfo {
        self.0.info()
    }
}

/// A reader for a chat completion.
pub(crate) fn chat_reader() -> Box<dyn Read> {
    Box::<chat_fold::Fold>::default()
}

/// A reader for a response.
pub(crate) fn responses_reader() -> Box<dyn Read> {
    Box::<responses_fold::Fold>::default()
}

/// The text of a message, of whose parts none may be lost.
fn text(message: &Message) -> Result<String, ModuleError> {
    if message.known_parts().count() != message.stored_parts().len()
        || message.known_parts().any(|part| matches!(part, Part::Blob { .. }))
    {
        return Err(ModuleError::unsupported(
            "a message holds a part other than text and calls, which this model cannot send; drop it",
        ));
    }
    let texts: Vec<&str> = message
        .known_parts()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    Ok(texts.join("\n"))
}
