//! From a request to a response: the paths there are, and who may take them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use harness_core::Cancel;
use http_body_util::Full;
use hyper::{
    StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    access::Principal,
    body::{self, Reply, Stream},
    chunks::{Chunks, ClientGone, Events},
    error::ApiError,
    feedback::Feedback,
    health,
    outbox::{Held, outbox},
    request,
    service::Service,
    turn::Turn,
};

/// So long a stream's status waits for its first event, so that what fails at once is shown by the status.
const FIRST: Duration = Duration::from_secs(5);

/// The header that joins requests of one conversation, where the body does not.
const SESSION: &str = "x-session-id";

/// What every request may use.
#[derive(Clone)]
struct Shared {
    service: Arc<Service>,
    /// Used when what is under way is to end at once.
    closing: Cancel,
}

/// Answers requests.
pub(crate) fn router(service: Arc<Service>, closing: Cancel) -> Router {
    let shared = Shared { service, closing };
    let asked = Router::new()
        .route("/v1/models", only("GET", get(models)))
        .route("/v1/models/{*name}", only("GET", get(model)))
        .route("/v1/chat/completions", only("POST", post(chat)))
        .route("/v1/feedback", only("POST", post(feedback)))
        .fallback(unknown)
        .layer(from_fn_with_state(shared.clone(), admit));
    let open = Router::new()
        .route(
            "/health",
            only("GET", get(async |State(shared): State<Shared>| respond(health::health(&shared.service)))),
        )
        .route(
            "/ready",
            only("GET", get(async |State(shared): State<Shared>| respond(health::ready(&shared.service)))),
        );
    Router::new().merge(asked).merge(open).with_state(shared)
}

/// A path that takes one method.
fn only(method: &'static str, route: MethodRouter<Shared, Infallible>) -> MethodRouter<Shared, Infallible> {
    route.fallback(async move || ApiError::method(method))
}

/// Lets in who may ask.
async fn admit(State(shared): State<Shared>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let principal = shared.service.access.admit(request.headers())?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

async fn unknown() -> ApiError {
    ApiError::not_found(
        "unknown_url",
        "no such path; there are POST /v1/chat/completions, GET /v1/models, POST /v1/feedback, GET /health and GET /ready",
    )
}

async fn models(State(shared): State<Shared>) -> Response {
    respond((StatusCode::OK, json!({"object": "list", "data": [described(&shared.service)]})))
}

async fn model(State(shared): State<Shared>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let service = &shared.service;
    if name == service.name {
        return Ok(respond((StatusCode::OK, described(service))));
    }
    Err(ApiError::not_found("model_not_found", format!("no model `{name}`; there is `{}`", service.name)))
}

async fn feedback(State(shared): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let service = &shared.service;
    declared(&request)?;
    let feedback = Feedback::read(&body::read(request.into_body(), &service.limits).await?)?;
    let store = service.store.clone();
    let put = tokio::task::spawn_blocking(move || feedback.put(&store)).await;
    put.map_err(|error| ApiError::failed(error.to_string()))??;
    Ok(respond((StatusCode::OK, json!({"recorded": true}))))
}

async fn chat(
    State(Shared { service, closing }): State<Shared>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Response, ApiError> {
    declared(&request)?;
    let session = request.headers().get(SESSION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut ask = request::ask(&body::read(request.into_body(), &service.limits).await?)?;
    ask.session = session.unwrap_or(ask.session);
    let (stream, include_usage) = (ask.stream, ask.include_usage);
    let gone = ClientGone(Cancel::new());
    let mut turn = Turn::new(&service, &principal, ask, gone.0.clone())?;
    let head = turn.head.clone();
    let waiting = service.waiting.clone();
    if !stream {
        // A task of its own: when the client goes, what happened is still recorded.
        let running = tokio::spawn(async move { turn.run(&service, &closing).await });
        let answer = running.await.map_err(|error| ApiError::failed(error.to_string()))??;
        drop(gone);
        let mut object = head.object("chat.completion");
        object.insert(
            "choices".into(),
            json!([{"index": 0, "message": answer.message(), "logprobs": null, "finish_reason": answer.finish}]),
        );
        object.insert("usage".into(), answer.usage());
        object.insert("harness".into(), head.beside(&answer));
        let body = Value::from(object).to_string();
        let held = waiting.hold(body.len()).ok_or_else(ApiError::crowded)?;
        return Ok(whole(StatusCode::OK, body, Some(held)));
    }
    let (to, from) = outbox(&waiting);
    let chunks = Chunks::new(to, head.clone(), include_usage);
    turn.stream(&chunks);
    let running = tokio::spawn(async move {
        let ended = turn.run(&service, &closing).await;
        chunks.finish(ended.as_ref());
        ended.err()
    });
    // It ended before it began: the status can still say so.
    if tokio::time::timeout(FIRST, from.begins_with_error()).await.unwrap_or_default()
        && let Ok(Some(error)) = running.await
    {
        return Err(error);
    }
    let mut response = Response::new(Body::new(Reply::Stream(Box::new(Stream::new(Events::new(head), from, gone)))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// A page of another site can send a form or plain text unasked, but not JSON.
fn declared(request: &Request) -> Result<(), ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(ApiError::media_type()) }
}

fn described(service: &Service) -> Value {
    json!({"id": service.name, "object": "model", "created": service.created, "owned_by": "harness"})
}

fn respond((status, body): (StatusCode, Value)) -> Response {
    whole(status, body.to_string(), None)
}

fn whole(status: StatusCode, body: String, held: Option<Held>) -> Response {
    let mut response = Response::new(Body::new(Reply::Whole { body: Full::new(Bytes::from(body)), _held: held }));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = respond((self.status, self.body()));
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // The rest of the body is not wanted.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
