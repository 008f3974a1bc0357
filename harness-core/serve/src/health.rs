//! Whether the server is well, and whether it can take a request now: what a supervisor and a load balancer ask, without a token.

use std::sync::atomic::Ordering;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::service::Service;

/// `GET /health`: 503 while the record cannot be written, because then no request can be served and a person has to look.
pub(crate) fn health(service: &Service) -> (StatusCode, Value) {
    match service.store.failing() {
        None => (StatusCode::OK, json!({"status": "ok"})),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "failing", "record": why})),
    }
}

/// `GET /ready`: 503 while the server is not well, is stopping, or has no place for another episode.
pub(crate) fn ready(service: &Service) -> (StatusCode, Value) {
    let (status, answer) = health(service);
    if status != StatusCode::OK {
        return (status, answer);
    }
    let free = service.places.available_permits();
    let (status, what) = match (service.stopping.load(Ordering::Relaxed), free) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (false, 0) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        _ => (StatusCode::OK, "ready"),
    };
    (status, json!({"status": what, "free": free}))
}
