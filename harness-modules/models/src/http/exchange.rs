//! One request and its reply: attempts, waits between them, and the end of patience.

use std::time::Duration;

use harness_abi::{ChatReply, ChatRequest, ErrorClass, ModuleError};
use harness_http::reqwest::header;
use serde_json::Value;

use super::{Incoming, Listener, Protocol, Teller, retry, server::Server};
use crate::reply::{Asked, Reply};

/// The error of a call that nobody waits for.
pub fn cancelled() -> ModuleError {
    ModuleError::new(ErrorClass::CANCELLED, "the host cancelled the call")
}

/// A request on its way.
#[derive(Debug)]
pub struct Exchange {
    body: Value,
    asked: Asked,
}

impl Exchange {
    /// Reads all it needs of `request`.
    pub fn new(protocol: &impl Protocol, request: &ChatRequest<'_>) -> Result<Self, ModuleError> {
        let (body, asked) = protocol.write(request)?;
        Ok(Self { body, asked })
    }

    /// Gets the reply. No error of it holds a secret.
    pub async fn run<P: Protocol>(
        &self,
        server: &Server<P>,
        listener: &dyn Listener,
    ) -> Result<ChatReply, ModuleError> {
        let total = server.service.total_timeout_ms;
        let late = |_| {
            let message = format!(
                "no whole reply within {total} ms, retries included; raise total_timeout_ms or ask for fewer tokens"
            );
            Err(ModuleError::new(ErrorClass::TIMEOUT, message))
        };
        let reply = tokio::time::timeout(Duration::from_millis(total), self.attempts(server, listener)).await;
        reply.unwrap_or_else(late).map_err(|error| server.secrets.redacted(error))
    }

    async fn attempts<P: Protocol>(
        &self,
        server: &Server<P>,
        listener: &dyn Listener,
    ) -> Result<ChatReply, ModuleError> {
        let mut attempt = 0;
        loop {
            let mut teller = Teller::new(listener);
            let reply = self.attempt(server, &mut teller).await;
            let error = match reply.and_then(|reply| self.asked.answered(reply, &server.price)) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            // What the host has received cannot be taken back: then trying again is its own affair.
            let wait = if teller.told { None } else { retry::wait(&server.service, &error, attempt, self.asked.seed) };
            let Some(wait) = wait else { return Err(after(error, attempt)) };
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt<P: Protocol>(&self, server: &Server<P>, teller: &mut Teller<'_>) -> Result<Reply, ModuleError> {
        let mut response = server.post(&self.body).await?;
        let kind = response.headers().get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let kind = kind.unwrap_or_default().into_owned();
        let mut reader = server.protocol.read();
        let mut incoming = Incoming::new(&mut *reader, &kind);
        loop {
            let piece = server.in_time(response.chunk()).await?.map_err(|error| server.unreachable(error))?;
            let over = incoming.take(piece.as_deref(), teller)?;
            if !teller.wanted {
                return Err(cancelled());
            }
            if over {
                return reader.reply();
            }
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
