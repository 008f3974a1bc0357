//! One request and its reply: attempts, waits between them, and the end of patience.

use std::time::Duration;

use harness_abi::{ChatReply, ChatRequest, DeltaKind, ErrorClass, ModuleError};
use reqwest::{Response, header};
use serde_json::Value;

use super::config::Config;
use super::fold::{Fold, garbage};
use super::request::{Translated, translate};
use super::retry;
use super::server::{Server, excerpt};
use super::sse::{Events, Malformed};

/// Bytes a reply that comes whole may have.
const LARGEST: usize = 32 << 20;

/// Who hears of a reply while it comes.
pub trait Listener: Send + Sync {
    /// Passes on a piece; `false`: no more is wanted.
    fn delta(&self, kind: DeltaKind, text: &str) -> bool;
    /// Whether nobody waits any more.
    fn cancelled(&self) -> bool;
}

/// The error of a call that nobody waits for.
pub fn cancelled() -> ModuleError {
    ModuleError::new(ErrorClass::CANCELLED, "the host cancelled the call")
}

/// A request on its way.
#[derive(Debug)]
pub struct Exchange {
    translated: Translated,
}

impl Exchange {
    /// Reads all it needs of `request`.
    pub fn new(config: &Config, request: &ChatRequest<'_>) -> Result<Self, ModuleError> {
        Ok(Self { translated: translate(config, request)? })
    }

    /// Gets the reply.
    pub async fn run(&self, server: &Server, listener: &impl Listener) -> Result<ChatReply, ModuleError> {
        let total = server.config.total_timeout_ms;
        let late = |_| {
            let message = format!(
                "no whole reply within {total} ms, retries included; raise total_timeout_ms or ask for fewer tokens"
            );
            Err(ModuleError::new(ErrorClass::TIMEOUT, message))
        };
        tokio::time::timeout(Duration::from_millis(total), self.attempts(server, listener)).await.unwrap_or_else(late)
    }

    async fn attempts(&self, server: &Server, listener: &impl Listener) -> Result<ChatReply, ModuleError> {
        let mut attempt = 0;
        loop {
            let mut fold = Fold::default();
            let error = match self.attempt(server, listener, &mut fold).await {
                Ok(()) => return fold.reply(&server.config, &self.translated.expected, &self.translated.names),
                Err(error) => error,
            };
            // What the host has heard cannot be unsaid: then trying again is its own affair.
            let wait =
                if fold.told { None } else { retry::wait(&server.config, &error, attempt, self.translated.seed) };
            let Some(wait) = wait else { return Err(after(error, attempt)) };
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, server: &Server, listener: &impl Listener, fold: &mut Fold) -> Result<(), ModuleError> {
        let response = server.post(&self.translated.body).await?;
        let kind =
            response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A server may answer whole though a stream was asked for, and report errors so.
        if kind.starts_with("text/event-stream") {
            streamed(server, response, listener, fold).await
        } else {
            whole(server, response, listener, fold).await
        }
    }
}

/// Says how often it was tried.
fn after(mut error: ModuleError, attempt: u32) -> ModuleError {
    if attempt > 0 {
        error.message = format!("{} (tried {} times)", error.message, attempt + 1).into();
    }
    error
}

fn malformed(problem: &Malformed) -> ModuleError {
    garbage(match problem {
        Malformed::NotUtf8 => "an event that is not UTF-8",
        Malformed::TooLong => "an event without an end",
    })
}

async fn streamed(
    server: &Server,
    mut response: Response,
    listener: &impl Listener,
    fold: &mut Fold,
) -> Result<(), ModuleError> {
    let mut events = Events::default();
    loop {
        let chunk = server.in_time(response.chunk()).await?.map_err(|error| server.unreachable(&error))?;
        let data = match &chunk {
            Some(bytes) => events.feed(bytes).map_err(|problem| malformed(&problem))?,
            None => events.end().map_err(|problem| malformed(&problem))?.into_iter().collect(),
        };
        for data in data {
            if data.trim() == "[DONE]" {
                // The protocol's own end, also of a reply that names no reason to finish.
                return Ok(());
            }
            let piece: Value =
                serde_json::from_str(&data).map_err(|_| garbage(format_args!("the event `{}`", excerpt(&data))))?;
            if !fold.push(&piece, listener)? {
                return Err(cancelled());
            }
        }
        if chunk.is_none() {
            // Some servers close without their last word.
            return if fold.finished() { Ok(()) } else { Err(half()) };
        }
    }
}

fn half() -> ModuleError {
    let message = "the stream ended in the middle of a reply; the server may have been stopped, try again";
    ModuleError::new(ErrorClass::UNAVAILABLE, message)
}

async fn whole(
    server: &Server,
    mut response: Response,
    listener: &impl Listener,
    fold: &mut Fold,
) -> Result<(), ModuleError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = server.in_time(response.chunk()).await?.map_err(|error| server.unreachable(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(garbage(format_args!("a body above {LARGEST} bytes")));
        }
    }
    let body: Value = serde_json::from_slice(&bytes)
        .map_err(|_| garbage(format_args!("the body `{}`", excerpt(&String::from_utf8_lossy(&bytes)))))?;
    let reply = body.get("error").is_some_and(|error| !error.is_null()) || body["choices"].get(0).is_some();
    if !reply {
        return Err(garbage(format_args!("a body without choices: `{}`", excerpt(&body.to_string()))));
    }
    if fold.push(&body, listener)? { Ok(()) } else { Err(cancelled()) }
}
