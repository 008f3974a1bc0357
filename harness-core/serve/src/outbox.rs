//! Words on their way to a client, kept while it does not read. Words of one kind that wait are joined, so that what waits is as
//! long as the answer and not as long as its events; and all that waits, for all clients together, has a limit.
//!
//! A model cannot be made to wait for a reader: its server would give up. So a client that reads too slowly is cut off when there
//! is no room, which ends its episode as a client that goes away does.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use serde_json::Value;

use crate::reply_text::Piece;

/// Bytes that wait for one client without counting against it: with 1,000 clients that do not read, 16 MB.
const ALWAYS: usize = 16 << 10;
/// Most bytes of words taken at a time: what is taken waits with the connection, where it is not counted.
const AT_ONCE: usize = 16 << 10;

/// Bytes that wait for clients, all of them together.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    bytes: Arc<AtomicUsize>,
    most: usize,
}

impl Waiting {
    /// At most so many bytes, besides a little for each client.
    pub fn new(most: usize) -> Self {
        Self { bytes: Arc::default(), most }
    }

    /// Takes room for `more` bytes of a client for whom `own` wait already; whether there was room.
    fn take(&self, own: usize, more: usize) -> bool {
        let all = self.bytes.fetch_add(more, Ordering::Relaxed) + more;
        let fits = all <= self.most || own + more <= ALWAYS;
        if !fits {
            self.give(more);
        }
        fits
    }

    fn give(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Room for a whole answer, until it is dropped; none when too much waits already.
    pub fn hold(&self, bytes: usize) -> Option<Held> {
        self.take(0, bytes).then(|| Held { waiting: self.clone(), bytes })
    }
}

/// Room that is taken.
#[derive(Debug)]
pub(crate) struct Held {
    waiting: Waiting,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.waiting.give(self.bytes);
    }
}

/// Something a client is sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// Words.
    Words(Piece),
    /// The data of an event.
    Event(Value),
    /// An error, the last event of a stream.
    Error(Value),
    /// The end of the stream.
    Done,
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Words(piece) => piece.text().len(),
            // Calls of tools, mostly: their arguments are what is long.
            Self::Event(value) | Self::Error(value) => value.to_string().len(),
            Self::Done => 0,
        }
    }
}

/// Why there is nothing more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All has been taken.
    Whole,
    /// There was no room: the client reads too slowly.
    CutOff,
}

#[derive(Debug)]
struct State {
    items: VecDeque<Item>,
    /// Bytes of the first item that have been taken already.
    taken: usize,
    /// Bytes of all items.
    bytes: usize,
    end: Option<End>,
    waker: Option<Waker>,
}

/// What waits for one client.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    waiting: Waiting,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it; what waits is kept where the end is whole.
    fn end(&self, end: End) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        if end == End::CutOff {
            self.waiting.give(std::mem::take(&mut state.bytes));
            state.items.clear();
        }
        state.end = Some(end);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

/// Puts in.
#[derive(Debug)]
pub(crate) struct Sender(Arc<Shared>);

/// Takes out.
#[derive(Debug)]
pub(crate) struct Receiver(Arc<Shared>);

/// A new outbox, whose bytes count as `waiting`.
pub(crate) fn outbox(waiting: &Waiting) -> (Sender, Receiver) {
    let state = State { items: VecDeque::new(), taken: 0, bytes: 0, end: None, waker: None };
    let shared = Arc::new(Shared { state: Mutex::new(state), waiting: waiting.clone() });
    (Sender(shared.clone()), Receiver(shared))
}

impl Sender {
    /// Puts something in. After the end, and where there is no room, it is dropped.
    pub fn send(&self, item: Item) {
        let mut state = self.0.state();
        if state.end.is_some() {
            return;
        }
        let bytes = item.bytes();
        if !self.0.waiting.take(state.bytes, bytes) {
            drop(state);
            return self.0.end(End::CutOff);
        }
        state.bytes += bytes;
        match (item, state.items.back_mut()) {
            (Item::Words(Piece::Answer(more)), Some(Item::Words(Piece::Answer(text))))
            | (Item::Words(Piece::Beside(more)), Some(Item::Words(Piece::Beside(text)))) => text.push_str(&more),
            (item, _) => state.items.push_back(item),
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.end(End::Whole);
    }
}

impl Receiver {
    /// Takes the next item.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<Result<Option<Item>, CutOff>> {
        let mut state = self.0.state();
        if let Some(item) = self.next(&mut state) {
            return Poll::Ready(Ok(Some(item)));
        }
        match state.end {
            Some(End::Whole) => Poll::Ready(Ok(None)),
            Some(End::CutOff) => Poll::Ready(Err(CutOff)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The first item, or as much of its words as may be taken at a time.
    fn next(&self, state: &mut State) -> Option<Item> {
        let from = state.taken;
        if let Some(Item::Words(piece)) = state.items.front() {
            let rest = piece.text().get(from..).unwrap_or_default();
            let part = rest.get(..rest.floor_char_boundary(AT_ONCE)).unwrap_or(rest);
            if from > 0 || part.len() < rest.len() {
                let (part, last) = (piece.with(part), part.len() == rest.len());
                state.taken += part.text().len();
                if last {
                    self.drop_first(state);
                }
                return Some(Item::Words(part));
            }
        }
        self.drop_first(state)
    }

    fn drop_first(&self, state: &mut State) -> Option<Item> {
        let item = state.items.pop_front()?;
        state.taken = 0;
        let bytes = item.bytes();
        state.bytes -= bytes;
        self.0.waiting.give(bytes);
        Some(item)
    }

    /// Waits until there is something; tells whether it is an error.
    pub async fn begins_with_error(&self) -> bool {
        poll_fn(|cx| {
            let mut state = self.0.state();
            match state.items.front() {
                Some(item) => Poll::Ready(matches!(item, Item::Error(_))),
                None if state.end.is_some() => Poll::Ready(false),
                None => {
                    state.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Nobody reads any more: what waits is given back, and what comes is not kept.
        let mut state = self.0.state();
        self.0.waiting.give(std::mem::take(&mut state.bytes));
        state.items.clear();
        state.end = Some(End::CutOff);
    }
}

/// The client read too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client read too slowly")]
pub(crate) struct CutOff;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Item {
        Item::Words(Piece::Answer(text.to_owned()))
    }

    fn take(receiver: &Receiver) -> Poll<Result<Option<Item>, CutOff>> {
        receiver.poll(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn words_that_wait_are_joined_and_keep_their_order() {
        let waiting = Waiting::new(100);
        let (sender, receiver) = outbox(&waiting);
        for item in [words("a"), words("b"), Item::Words(Piece::Beside("c".to_owned())), words("d"), Item::Done] {
            sender.send(item);
        }
        drop(sender);
        let mut all = Vec::new();
        while let Poll::Ready(Ok(Some(item))) = take(&receiver) {
            all.push(item);
        }
        assert_eq!(all, [words("ab"), Item::Words(Piece::Beside("c".to_owned())), words("d"), Item::Done]);
        assert_eq!(take(&receiver), Poll::Ready(Ok(None)));
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn long_words_are_taken_in_parts_and_more_may_follow_meanwhile() {
        let waiting = Waiting::new(1 << 20);
        let (sender, receiver) = outbox(&waiting);
        sender.send(words(&"é".repeat(AT_ONCE)));
        let (mut text, mut parts) = (String::new(), 0);
        while let Poll::Ready(Ok(Some(Item::Words(piece)))) = take(&receiver) {
            assert!(piece.text().len() <= AT_ONCE);
            text += piece.text();
            parts += 1;
            if parts == 1 {
                sender.send(words("more"));
            }
        }
        assert_eq!((text, parts), ("é".repeat(AT_ONCE) + "more", 3));
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_client_that_does_not_read_is_cut_off_when_there_is_no_room_and_the_others_are_not() {
        let waiting = Waiting::new(4 * ALWAYS);
        let (greedy, slow) = outbox(&waiting);
        let (modest, patient) = outbox(&waiting);
        modest.send(words("mine"));
        while slow.0.state().end.is_none() {
            greedy.send(words(&"x".repeat(1000)));
            assert!(waiting.bytes.load(Ordering::Relaxed) <= 5 * ALWAYS);
        }
        assert_eq!(take(&slow), Poll::Ready(Err(CutOff)), "and not a stream that looks whole");
        greedy.send(words("more"));
        drop(greedy);
        assert_eq!(take(&slow), Poll::Ready(Err(CutOff)));
        // Full, but what a client may always have waiting is there for it.
        let full = waiting.hold(4 * ALWAYS - "mine".len());
        assert!(full.is_some() && waiting.hold(2 * ALWAYS).is_none());
        modest.send(words(" too"));
        assert_eq!(take(&patient), Poll::Ready(Ok(Some(words("mine too")))));
        drop((full, patient));
        modest.send(words("for nobody"));
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0, "everything is given back");
    }
}
