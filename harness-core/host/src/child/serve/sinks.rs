//! Sinks of a child: pieces go out as they come, the answer goes to the thread that waits for it, the host's loss of
//! interest is looked up on the channel.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    mpsc::Sender,
};

use harness_abi::{
    ChatReply, DeltaKind, ModuleError, RawChatSink, RawScoreSink, RawToolSink, ScoreReply,
    stable::{RResult, RStr, RString},
};

use super::shared::{SharedChannel, leave, locked};
use crate::child::protocol::{Event, Given, Reply};

/// A sink of any kind.
pub struct Sink {
    channel: SharedChannel,
    answer: Sender<Reply>,
    lost: AtomicBool,
}

impl Sink {
    pub fn new(channel: &SharedChannel, answer: Sender<Reply>) -> Self {
        Self { channel: channel.clone(), answer, lost: AtomicBool::new(false) }
    }

    fn lost(&self) -> bool {
        let mut channel = locked(&self.channel);
        // During such a call a host says nothing but that it lost interest, and gives the channel up when it has.
        if !self.lost.load(Ordering::Relaxed) && channel.pending() {
            let said = channel.receive(None).and_then(|_| channel.frame());
            self.lost.store(matches!(said, Ok(Given::Cancel) | Err(_)), Ordering::Relaxed);
        }
        self.lost.load(Ordering::Relaxed)
    }

    fn give(self, reply: Reply) {
        // Nobody waits only when the process is ending.
        let _ = self.answer.send(reply);
    }
}

impl RawChatSink for Sink {
    fn delta(&self, kind: DeltaKind, text: RStr<'_>) -> bool {
        if locked(&self.channel).send(&Event::Delta { kind: kind.0, text: text.as_str() }, None).is_err() {
            leave();
        }
        !self.lost()
    }

    fn cancelled(&self) -> bool {
        self.lost()
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        self.give(reply.into_result().map_or_else(Reply::from, Reply::from));
    }
}

impl RawScoreSink for Sink {
    fn cancelled(&self) -> bool {
        self.lost()
    }

    fn finish(self, reply: RResult<ScoreReply, ModuleError>) {
        self.give(reply.into_result().map_or_else(Reply::from, Reply::from));
    }
}

impl RawToolSink for Sink {
    fn cancelled(&self) -> bool {
        self.lost()
    }

    fn finish(self, output: RResult<RString, ModuleError>) {
        self.give(output.into_result().map_or_else(Reply::from, Reply::Output));
    }

    fn finish_text(self, text: RString, is_error: bool) {
        self.give(if is_error { Reply::ErrorText(text) } else { Reply::Text(text) });
    }
}
