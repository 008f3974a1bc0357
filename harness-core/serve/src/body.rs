//! Bodies: a request's, read whole within limits; a response's, whole or as server-sent events. When the client goes away,
//! whoever works for it is told.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use harness_core::Cancel;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, Sleep},
};

use crate::{error::ApiError, service::Limits};

/// After so long without an event a comment is sent, so that nobody between takes the connection for dead.
const QUIET: Duration = Duration::from_secs(15);

/// Reads a request's body.
pub(crate) async fn read(body: Incoming, limits: &Limits) -> Result<Bytes, ApiError> {
    if body.size_hint().lower() > limits.body as u64 {
        return Err(ApiError::too_large(limits.body));
    }
    match tokio::time::timeout(limits.patience, Limited::new(body, limits.body).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::too_large(limits.body)),
        Ok(Err(error)) => Err(ApiError::malformed(format!("the body broke off: {error}"))),
        Err(_) => Err(ApiError::slow()),
    }
}

/// Tells those who work for a client that it is gone, when dropped.
#[derive(Debug)]
pub(crate) struct Gone(pub Cancel);

impl Drop for Gone {
    fn drop(&mut self) {
        // After the end of the work nobody listens any more.
        self.0.cancel();
    }
}

/// A response's body.
#[derive(Debug)]
pub(crate) enum Reply {
    /// All at once.
    Whole(Full<Bytes>),
    /// As it comes.
    Events(Box<Events>),
}

/// Server-sent events.
#[derive(Debug)]
pub(crate) struct Events {
    first: Option<Bytes>,
    rest: UnboundedReceiver<Bytes>,
    quiet: Pin<Box<Sleep>>,
    _gone: Gone,
}

impl Events {
    /// An event that has come, and those that will.
    pub fn new(first: Option<Bytes>, rest: UnboundedReceiver<Bytes>, gone: Gone) -> Self {
        Self { first, rest, quiet: Box::pin(tokio::time::sleep(QUIET)), _gone: gone }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if let Poll::Ready(event) = self.rest.poll_recv(cx) {
            self.quiet.as_mut().reset(Instant::now() + QUIET);
            return Poll::Ready(event);
        }
        ready!(self.quiet.as_mut().poll(cx));
        self.quiet.as_mut().reset(Instant::now() + QUIET);
        Poll::Ready(Some(Bytes::from_static(b": at work\n\n")))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Events(events) => events.poll(cx).map(|event| event.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
