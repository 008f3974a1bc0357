//! Bodies: a request's, read whole within limits; a response's, whole or as server-sent events. When the client goes away,
//! whoever works for it is told.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::{
    chunks::{ClientGone, Events},
    error::ApiError,
    outbox::{CutOff, Held, Receiver},
    service::ServeLimits,
};

/// After so long without an event a comment is sent, so that nobody between takes the connection for dead.
const QUIET: Duration = Duration::from_secs(15);

/// Reads a request's body.
pub(crate) async fn read(body: axum::body::Body, limits: &ServeLimits) -> Result<Bytes, ApiError> {
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

/// A response's body.
#[derive(Debug)]
pub(crate) enum Reply {
    /// All at once; the room it takes is given back when it has been sent.
    Whole { body: Full<Bytes>, _held: Option<Held> },
    /// As it comes.
    Stream(Box<Stream>),
}

/// Server-sent events.
#[derive(Debug)]
pub(crate) struct Stream {
    events: Events,
    outbox: Receiver,
    quiet: Pin<Box<Sleep>>,
    _gone: ClientGone,
}

impl Stream {
    /// The events of what comes into an outbox.
    pub fn new(events: Events, outbox: Receiver, gone: ClientGone) -> Self {
        Self { events, outbox, quiet: Box::pin(tokio::time::sleep(QUIET)), _gone: gone }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutOff>>> {
        if let Poll::Ready(item) = self.outbox.poll(cx) {
            self.quiet.as_mut().reset(Instant::now() + QUIET);
            return Poll::Ready(item.map(|item| item.map(|item| self.events.of(item))).transpose());
        }
        ready!(self.quiet.as_mut().poll(cx));
        self.quiet.as_mut().reset(Instant::now() + QUIET);
        Poll::Ready(Some(Ok(Bytes::from_static(b": at work\n\n"))))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match self.get_mut() {
            Self::Whole { body, .. } => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            // An error makes the connection break off, so that what is cut does not look whole.
            Self::Stream(stream) => stream.poll(cx).map(|event| event.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { body, .. } => body.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { body, .. } => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
