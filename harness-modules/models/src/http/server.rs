//! The server: one POST, and what its refusals mean.

use std::time::Duration;

use harness_abi::{ErrorClass, ModuleError};
use reqwest::{Client, Response, StatusCode, Url, header};
use serde_json::Value;

use super::{Protocol, Service, keys::Keys, retry::retry_after};
use crate::prices::Price;

/// A server and how to speak to it.
pub struct Server<P> {
    /// How it is configured.
    pub service: Service,
    /// What it speaks.
    pub protocol: P,
    /// What its tokens cost.
    pub price: Price,
    client: Client,
    url: Url,
    keys: Keys,
}

impl<P: Protocol> Server<P> {
    /// Prepares a client.
    pub fn new(service: Service, protocol: P, price: Price) -> Result<Self, ModuleError> {
        let base = service.base_url.trim_end_matches('/');
        let url = Url::parse(&format!("{base}{}", protocol.path()));
        let url = url.ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(|| {
            ModuleError::config(format_args!(
                "base_url `{base}` is no http or https address; give one such as http://127.0.0.1:8080/v1"
            ))
        })?;
        let keys = Keys::read(&service.api_key_env)?;
        let mut builder = Client::builder().connect_timeout(Duration::from_millis(service.connect_timeout_ms));
        if url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")) {
            // A proxy cannot reach this machine's own loopback.
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| ModuleError::config(format_args!("no HTTP client can be made: {}", chain(&error))))?;
        Ok(Self { service, protocol, price, client, url, keys })
    }

    /// Sends `body`; a response with an error status becomes the error it means. A key that is refused or used up gives way to
    /// the next at once, each asked once.
    pub async fn post(&self, body: &Value) -> Result<Response, ModuleError> {
        let body = body.to_string();
        let mut others = self.keys.len().saturating_sub(1);
        loop {
            let (place, key) = self.keys.current();
            let request =
                self.client.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json").body(body.clone());
            let request = self.protocol.sign(request, key.map(|key| key.secret.as_str()));
            let response = self.in_time(request.send()).await?.map_err(|error| self.unreachable(&error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if others > 0 && matches!(status.as_u16(), 401 | 403 | 429) {
                others -= 1;
                self.keys.pass(place);
                continue;
            }
            let wait = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let wait = wait.map_or(0, retry_after);
            let text = match self.in_time(response.text()).await {
                Ok(text) => text.unwrap_or_default(),
                Err(_) => String::new(),
            };
            let key = key.map_or("a key: set api_key_env", |key| &key.name);
            return Err(self.refused(status, &text, wait, key));
        }
    }

    /// Runs what must not stay silent for longer than the idle timeout.
    pub async fn in_time<T>(&self, future: impl Future<Output = T>) -> Result<T, ModuleError> {
        let idle = self.service.idle_timeout_ms;
        tokio::time::timeout(Duration::from_millis(idle), future).await.map_err(|_| {
            let message =
                format!("{} was silent for {idle} ms; it may be overloaded, or raise idle_timeout_ms", self.url);
            ModuleError::new(ErrorClass::TIMEOUT, message)
        })
    }

    /// The error for a connection that cannot be made or breaks.
    pub fn unreachable(&self, error: &reqwest::Error) -> ModuleError {
        let (class, what) = match error {
            error if error.is_timeout() => (ErrorClass::TIMEOUT, "did not answer in time"),
            error if error.is_connect() => (ErrorClass::UNAVAILABLE, "cannot be reached"),
            _ => (ErrorClass::UNAVAILABLE, "broke off"),
        };
        let todo = "is the server running, and is base_url right?";
        ModuleError::new(class, format_args!("{} {what}: {}; {todo}", self.url, chain(error)))
    }

    fn refused(&self, status: StatusCode, body: &str, retry_after_ms: u64, key: &str) -> ModuleError {
        let parsed: Option<Value> = serde_json::from_str(body).ok();
        let said = parsed.as_ref().and_then(|body| message(body.get("error")?)).unwrap_or_else(|| excerpt(body));
        let quota = body.contains("insufficient_quota");
        let (class, todo) = match status.as_u16() {
            401 | 403 => (ErrorClass::CONFIG, format!("check {key}")),
            404 => (ErrorClass::CONFIG, format!("check base_url and the model name `{}`", self.service.model)),
            429 if quota => (ErrorClass::CONFIG, "the account has nothing left to spend".to_owned()),
            429 => (ErrorClass::RATE_LIMITED, "try again later or with fewer calls at once".to_owned()),
            408 | 500..=599 => (ErrorClass::UNAVAILABLE, "try again later".to_owned()),
            _ => (ErrorClass::INPUT, "the server does not accept the request".to_owned()),
        };
        let mut error = ModuleError::new(class, format_args!("{} refused with {status}: {said}; {todo}", self.url));
        error.retry_after_ms = retry_after_ms;
        error
    }
}

/// The error that a body or an event reports inside a success.
pub fn reported(error: &Value) -> ModuleError {
    let kind = format!("{} {}", error["type"].as_str().unwrap_or_default(), error["code"]);
    let class = match &kind {
        kind if kind.contains("rate_limit") || kind.contains("429") => ErrorClass::RATE_LIMITED,
        kind if kind.contains("invalid_request") || kind.contains("400") => ErrorClass::INPUT,
        kind if kind.contains("auth") || kind.contains("insufficient_quota") => ErrorClass::CONFIG,
        _ => ErrorClass::UNAVAILABLE,
    };
    let said = message(error).unwrap_or_else(|| excerpt(&error.to_string()));
    ModuleError::new(class, format_args!("the server reported an error in place of a reply: {said}"))
}

fn message(error: &Value) -> Option<String> {
    error.as_str().or_else(|| error["message"].as_str()).map(excerpt)
}

/// The beginning of a text, in one line.
pub fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "nothing".to_owned() } else { line.chars().take(300).collect() }
}

/// An error with its causes: reqwest's own message leaves them out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
