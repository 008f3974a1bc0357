//! Errors in the protocol's shape: a status, and an object with message, type, param and code. The message says what to do.

use hyper::StatusCode;
use serde_json::{Value, json};

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub status: StatusCode,
    kind: &'static str,
    code: &'static str,
    param: Option<String>,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code, param: None, message: message.into() }
    }

    /// The request cannot be used; `param` is the part of it at fault.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_value", message);
        Self { param: Some(param.into()), ..error }
    }

    /// The request asks for what is not done here.
    pub fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: "unsupported_parameter", ..Self::invalid(param, message) }
    }

    /// The body is no JSON.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_json", message)
    }

    /// The token is absent or wrong.
    pub fn unauthorised() -> Self {
        let message = "no valid token; send the one this server was started with as `Authorization: Bearer TOKEN`";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", "invalid_api_key", message)
    }

    /// A page of another site may be behind this request.
    pub fn foreign_host() -> Self {
        let message = "a server without a token answers requests to a loopback name alone; call it as 127.0.0.1";
        Self::new(StatusCode::FORBIDDEN, "invalid_request_error", "forbidden_host", message)
    }

    /// Nothing of this name.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", code, message)
    }

    /// The path is there, the method is not.
    pub fn method(allowed: &str) -> Self {
        let message = format!("this path takes {allowed}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "method_not_allowed", message)
    }

    /// The body is not declared as JSON: a form of another site would not be either.
    pub fn media_type() -> Self {
        let message = "send the body as `Content-Type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", "unsupported_media_type", message)
    }

    /// The body is too large.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {limit} bytes; send less, or raise the server's --max-body");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", "request_too_large", message)
    }

    /// The body does not come.
    pub fn slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "invalid_request_error",
            "request_timeout",
            "the body did not come in time",
        )
    }

    /// All places are taken.
    pub fn busy(places: usize) -> Self {
        let message = format!("all {places} episodes that may run at a time are running; try again shortly");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded", message)
    }

    /// The answer is long, and too much waits for clients that do not read.
    pub fn crowded() -> Self {
        Self::unavailable(
            "too much waits for clients that read slowly; the answer is on record, ask again with the same seed",
        )
    }

    /// Something outside the harness failed, or the server is going.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", "unavailable", message)
    }

    /// The harness or its record failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "internal_error", message)
    }

    /// Seconds after which another attempt makes sense.
    pub fn retry_after(&self) -> Option<&'static str> {
        matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE).then_some("1")
    }

    /// The body.
    pub fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }
}
