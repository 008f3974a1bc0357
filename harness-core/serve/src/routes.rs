//! From a request to a response: the paths there are, and who may take them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use harness_core::Cancel;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    body::{self, Events, Gone, Reply},
    chunks::Chunks,
    error::ApiError,
    feedback::Feedback,
    request,
    service::Service,
    turn::Turn,
};

/// So long a stream's status waits for its first event, so that what fails at once is told by the status.
const FIRST: Duration = Duration::from_secs(5);

/// The header that joins requests of one conversation, where the body does not.
const SESSION: &str = "x-session-id";

/// Answers a request.
pub(crate) async fn route(
    service: Arc<Service>,
    closing: Cancel,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Infallible> {
    Ok(routed(&service, &closing, request).await.unwrap_or_else(|error| refused(&error)))
}

async fn routed(
    service: &Arc<Service>,
    closing: &Cancel,
    request: Request<Incoming>,
) -> Result<Response<Reply>, ApiError> {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let takes =
        |method: Method, name: &str| if *request.method() == method { Ok(()) } else { Err(ApiError::method(name)) };
    if path == "/health" {
        takes(Method::GET, "GET")?;
        return Ok(whole(StatusCode::OK, &json!({"status": "ok"})));
    }
    service.door.admit(request.headers())?;
    match path.as_str() {
        "/v1/models" => {
            takes(Method::GET, "GET")?;
            Ok(whole(StatusCode::OK, &json!({"object": "list", "data": [model(service)]})))
        }
        "/v1/chat/completions" => {
            takes(Method::POST, "POST")?;
            chat(service, closing, request).await
        }
        "/v1/feedback" => {
            takes(Method::POST, "POST")?;
            declared(&request)?;
            let feedback = Feedback::read(&body::read(request.into_body(), &service.limits).await?)?;
            let store = service.store.clone();
            let put = tokio::task::spawn_blocking(move || feedback.put(&store)).await;
            put.map_err(|error| ApiError::failed(error.to_string()))??;
            Ok(whole(StatusCode::OK, &json!({"recorded": true})))
        }
        path => match path.strip_prefix("/v1/models/") {
            Some(name) if name == service.name => Ok(whole(StatusCode::OK, &model(service))),
            Some(name) => {
                Err(ApiError::not_found("model_not_found", format!("no model `{name}`; there is `{}`", service.name)))
            }
            None => Err(ApiError::not_found(
                "unknown_url",
                "no such path; there are POST /v1/chat/completions, GET /v1/models, POST /v1/feedback and GET /health",
            )),
        },
    }
}

async fn chat(
    service: &Arc<Service>,
    closing: &Cancel,
    request: Request<Incoming>,
) -> Result<Response<Reply>, ApiError> {
    declared(&request)?;
    let session = request.headers().get(SESSION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut ask = request::ask(&body::read(request.into_body(), &service.limits).await?)?;
    ask.session = session.unwrap_or(ask.session);
    let (stream, include_usage) = (ask.stream, ask.include_usage);
    let gone = Gone(Cancel::new());
    let mut turn = Turn::new(service, ask, gone.0.clone())?;
    let head = turn.head.clone();
    let (service, closing) = (service.clone(), closing.clone());
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
        return Ok(whole(StatusCode::OK, &object.into()));
    }
    let (to, mut events) = tokio::sync::mpsc::unbounded_channel();
    let chunks = Chunks::new(to, head, include_usage);
    turn.stream(&chunks);
    let running = tokio::spawn(async move {
        let ended = turn.run(&service, &closing).await;
        chunks.finish(ended.as_ref());
        ended.err()
    });
    let first = tokio::time::timeout(FIRST, events.recv()).await.unwrap_or_default();
    // It ended before it began: the status can still say so.
    if first.as_ref().is_some_and(|first| first.starts_with(b"data: {\"error\""))
        && let Ok(Some(error)) = running.await
    {
        return Err(error);
    }
    let mut response = Response::new(Reply::Events(Box::new(Events::new(first, events, gone))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// A page of another site can send a form or plain text unasked, but not JSON.
fn declared(request: &Request<Incoming>) -> Result<(), ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(ApiError::media_type()) }
}

fn model(service: &Service) -> Value {
    json!({"id": service.name, "object": "model", "created": service.created, "owned_by": "harness"})
}

fn whole(status: StatusCode, body: &Value) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(Full::new(Bytes::from(body.to_string()))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refused(error: &ApiError) -> Response<Reply> {
    let mut response = whole(error.status, &error.body());
    let headers = response.headers_mut();
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    match error.status {
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
