//! One request and its reply: attempts, waits between them, and the end of patience.

use std::time::Duration;

use harness_abi::{ChatReply, ChatRequest, ErrorClass, ModuleError};
use reqwest::{Response, header};
use serde_json::Value;

use super::{
    Listener, Protocol, Read, Teller, garbage,
    incoming::{self, Incoming},
    retry,
    server::{Server, excerpt},
};
use crate::reply::Asked;

/// Bytes a reply that comes whole may have.
const LARGEST: usize = 32 << 20;

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

    /// Gets the reply.
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
        tokio::time::timeout(Duration::from_millis(total), self.attempts(server, listener)).await.unwrap_or_else(late)
    }

    async fn attempts<P: Protocol>(
        &self,
        server: &Server<P>,
        listener: &dyn Listener,
    ) -> Result<ChatReply, ModuleError> {
        let mut attempt = 0;
        loop {
            let (mut reader, mut teller) = (server.protocol.read(), Teller::new(listener));
            let error = match self.attempt(server, &mut *reader, &mut teller).await {
                Ok(()) => return self.asked.answered(reader.reply(), &server.price),
                Err(error) => error,
            };
            // What the host has heard cannot be unsaid: then trying again is its own affair.
            let wait = if teller.told { None } else { retry::wait(&server.service, &error, attempt, self.asked.seed) };
            let Some(wait) = wait else { return Err(after(error, attempt)) };
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt<P: Protocol>(
        &self,
        server: &Server<P>,
        reader: &mut dyn Read,
        teller: &mut Teller<'_>,
    ) -> Result<(), ModuleError> {
        let response = server.post(&self.body).await?;
        let kind =
            response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A server may answer whole though a stream was asked for, and report errors so.
        if kind.starts_with("text/event-stream") {
            streamed(server, response, reader, teller).await
        } else {
            let kind = if kind.is_empty() { "no content type".to_owned() } else { excerpt(kind) };
            whole(server, response, &kind, reader, teller).await
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

async fn streamed<P: Protocol>(
    server: &Server<P>,
    mut response: Response,
    reader: &mut dyn Read,
    teller: &mut Teller<'_>,
) -> Result<(), ModuleError> {
    let mut incoming = Incoming::new(reader);
    loop {
        let piece = server.in_time(response.chunk()).await?.map_err(|error| server.unreachable(&error))?;
        if incoming.take(piece.as_deref(), teller)? {
            return Ok(());
        }
        if !teller.wanted {
            return Err(cancelled());
        }
    }
}

async fn whole<P: Protocol>(
    server: &Server<P>,
    mut response: Response,
    kind: &str,
    reader: &mut dyn Read,
    teller: &mut Teller<'_>,
) -> Result<(), ModuleError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = server.in_time(response.chunk()).await?.map_err(|error| server.unreachable(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(garbage(format_args!("a body above {LARGEST} bytes")));
        }
    }
    incoming::whole(&bytes, kind, reader, teller)?;
    if teller.wanted { Ok(()) } else { Err(cancelled()) }
}
