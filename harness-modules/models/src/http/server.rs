//! The server: one POST, where it leads, and what its refusals mean.

use std::time::Duration;

use harness_abi::{ErrorClass, ModuleError};
use harness_http::reqwest::{self, Client, Response, StatusCode, header, redirect::Policy};
use serde_json::Value;

use super::{
    Protocol, Service,
    address::{Address, shown},
    failure::{self, excerpt},
    keys::Keys,
    lenient,
    retry::retry_after,
    secrets::Secrets,
};
use crate::prices::Price;

/// Bytes that are read of a refusal.
const REFUSAL: usize = 64 << 10;
/// Redirects that are followed.
const HOPS: usize = 5;

/// A server and how to speak to it.
pub struct Server<P> {
    /// How it is configured.
    pub service: Service,
    /// What it speaks.
    pub protocol: P,
    /// What its tokens cost.
    pub price: Price,
    /// What no error may hold.
    pub secrets: Secrets,
    client: Client,
    address: Address,
    keys: Keys,
}

impl<P: Protocol> Server<P> {
    /// Prepares a client.
    ///
    /// # Errors
    ///
    /// The address or the keys are none that can be used.
    pub fn new(service: Service, protocol: P, price: Price) -> Result<Self, ModuleError> {
        let address = Address::new(&service.base_url, protocol.path())?;
        let keys = Keys::read(&service.api_key_env)?;
        if address.user.is_some() && keys.len() > 0 && protocol.signs_as_user() {
            return Err(ModuleError::config(
                "base_url holds a user, and api_key_env names a key; a request has room for one: take the user out, or set api_key_env to \"\"",
            ));
        }
        // Redirects are followed by hand: a client resends headers with keys to other hosts, and posts without their body.
        let mut builder = harness_http::client()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_millis(service.connect_timeout_ms));
        if address.url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")) {
            // A proxy cannot reach this machine's own loopback.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            ModuleError::config(format_args!("no HTTP client can be made: {}", harness_http::chain(&error)))
        })?;
        let user = address.user.as_ref().and_then(|(name, password)| {
            // As it stands in a request, in base 64.
            let request = client.post(address.url.clone()).basic_auth(name, Some(password)).build().ok()?;
            Some(request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?.1.to_owned())
        });
        let secrets = Secrets::new(keys.secrets().chain(address.secrets()).chain(user));
        Ok(Self { service, protocol, price, secrets, client, address, keys })
    }

    /// Sends `body`; a response with an error status becomes the error it means. A key that is refused or used up gives way to
    /// the next at once, each asked once.
    pub async fn post(&self, body: &Value) -> Result<Response, ModuleError> {
        let body = body.to_string();
        let mut others = self.keys.len().saturating_sub(1);
        let (mut url, mut hops) = (self.address.url.clone(), 0);
        loop {
            let (place, key) = self.keys.current();
            let request =
                self.client.post(url.clone()).header(header::CONTENT_TYPE, "application/json").body(body.clone());
            let request = match &self.address.user {
                Some((name, password)) => request.basic_auth(name, Some(password)),
                None => request,
            };
            let request = self.protocol.sign(request, key.map(|key| key.secret.as_str()));
            let response = self.in_time(request.send()).await?.map_err(|error| self.unreachable(error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let said = |name| response.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
            if matches!(status.as_u16(), 301 | 302 | 307 | 308) && hops < HOPS {
                url = Address::redirected(&url, said(header::LOCATION))?;
                hops += 1;
                continue;
            }
            if others > 0 && matches!(status.as_u16(), 401 | 403 | 429) {
                others -= 1;
                self.keys.pass(place);
                continue;
            }
            let wait = said(header::RETRY_AFTER).map_or(0, retry_after);
            let text = self.refusal(response).await;
            let key = key.map_or("a key: set api_key_env", |key| &key.name);
            return Err(self.refused(status, &text, wait, key));
        }
    }

    /// The beginning of what a refusal says.
    async fn refusal(&self, mut response: Response) -> String {
        let mut bytes = Vec::new();
        while let Ok(Ok(Some(piece))) = self.in_time(response.chunk()).await {
            bytes.extend_from_slice(&piece);
            if bytes.len() > REFUSAL {
                break;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs what must not stay silent for longer than the idle timeout.
    pub async fn in_time<T>(&self, future: impl Future<Output = T>) -> Result<T, ModuleError> {
        let idle = self.service.idle_timeout_ms;
        tokio::time::timeout(Duration::from_millis(idle), future).await.map_err(|_| {
            let message =
                format!("{} was silent for {idle} ms; it may be overloaded, or raise idle_timeout_ms", self.shown());
            ModuleError::new(ErrorClass::TIMEOUT, message)
        })
    }

    /// The error for a connection that cannot be made or breaks.
    pub fn unreachable(&self, error: reqwest::Error) -> ModuleError {
        let (class, what) = match &error {
            error if error.is_timeout() => (ErrorClass::TIMEOUT, "did not answer in time"),
            error if error.is_connect() => (ErrorClass::UNAVAILABLE, "cannot be reached"),
            error if error.is_builder() => (ErrorClass::CONFIG, "cannot be asked"),
            _ => (ErrorClass::UNAVAILABLE, "broke off"),
        };
        let todo = "is the server running, and is base_url right?";
        // The error's own address would show the query.
        ModuleError::new(
            class,
            format_args!("{} {what}: {}; {todo}", self.shown(), harness_http::chain(&error.without_url())),
        )
    }

    fn shown(&self) -> String {
        shown(&self.address.url)
    }

    fn refused(&self, status: StatusCode, body: &str, retry_after_ms: u64, key: &str) -> ModuleError {
        let parsed = lenient::whole(body);
        let said = parsed.as_ref().and_then(failure::words).unwrap_or_else(|| excerpt(body));
        let class = failure::class(status.as_u16(), body).unwrap_or(ErrorClass::CONFIG);
        let todo = match status.as_u16() {
            401 | 403 => format!("check {key}"),
            404 => format!("check base_url and the model name `{}`", self.service.model),
            402 => "the account has nothing left to spend".to_owned(),
            429 if failure::spent(body) => "the account has nothing left to spend".to_owned(),
            429 => "try again later or with fewer calls at once".to_owned(),
            408 | 425 | 500..=599 => "try again later".to_owned(),
            400..=499 => "the server does not accept the request".to_owned(),
            _ => "set base_url to where the server answers itself".to_owned(),
        };
        let mut error = ModuleError::new(class, format_args!("{} refused with {status}: {said}; {todo}", self.shown()));
        error.retry_after_ms = retry_after_ms;
        error
    }
}
