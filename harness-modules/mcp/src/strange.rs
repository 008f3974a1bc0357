//! What a server writes to its standard output though it is no message: kept for the error, because a program that writes to people there
//! is the most common mistake. Passes every byte on.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes kept of what was said last.
const KEPT: usize = 300;

/// The end of a text that grows.
#[derive(Debug, Clone, Default)]
pub struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    /// Appends.
    pub fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let spare = kept.len().saturating_sub(KEPT);
        kept.drain(..spare);
    }

    /// What was kept, in one line.
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A reader that remembers lines which are no messages.
pub struct Watched<R> {
    inner: R,
    strange: Tail,
    /// Whether the present line has begun, and with what no message begins with.
    line: Line,
}

#[derive(Clone, Copy, PartialEq)]
enum Line {
    New,
    Message,
    Strange,
}

impl<R> Watched<R> {
    /// Watches `inner`.
    pub fn new(inner: R, strange: Tail) -> Self {
        Self { inner, strange, line: Line::New }
    }

    /// Looks at what came next.
    pub fn see(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line == Line::New {
                self.line = match piece.iter().find(|byte| !byte.is_ascii_whitespace()) {
                    None => Line::New,
                    // A byte order mark may stand before a message.
                    Some(b'{' | b'[' | 0xEF) => Line::Message,
                    Some(_) => Line::Strange,
                };
            }
            if self.line == Line::Strange {
                self.strange.push(piece);
            }
            if piece.ends_with(b"\n") {
                self.line = Line::New;
            }
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = poll {
            let fresh = buffer.filled().get(before..).unwrap_or_default().to_vec();
            self.see(&fresh);
        }
        poll
    }
}
