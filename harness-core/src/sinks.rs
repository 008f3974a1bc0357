//! Where models and tools put their answers: sinks that wake the driver, from whatever thread they are filled.

use std::sync::Arc;

use harness_abi::{
    ChatReply, ChatSink, DeltaKind, Message, ModuleError, RawChatSink, RawScoreSink, RawToolSink, ScoreReply,
    ScoreSink, ToolOutput, ToolSink, chat_sink, score_sink,
    stable::{RResult, RStr, RString},
    tool_sink,
};
use tokio::sync::oneshot;

use crate::cancel::Cancel;

/// Receives a reply as it is written.
pub type DeltaObserver = Arc<dyn Fn(DeltaKind, &str) + Send + Sync>;

/// Receives whole replies.
pub type ReplyObserver = Arc<dyn Fn(&Message) + Send + Sync>;

/// What a sink was given. The channel closes without one when the module gave up.
pub(crate) type Filled<T> = oneshot::Receiver<Result<T, ModuleError>>;

struct Sink<T> {
    to: oneshot::Sender<Result<T, ModuleError>>,
    cancel: Cancel,
    observer: Option<DeltaObserver>,
}

impl<T> Sink<T> {
    /// Fails when nobody waits any more, which is no one's concern.
    fn send(self, answer: Result<T, ModuleError>) {
        let _ = self.to.send(answer);
    }

    fn lost(&self) -> bool {
        self.to.is_closed() || self.cancel.is_cancelled()
    }
}

impl RawChatSink for Sink<ChatReply> {
    fn delta(&self, kind: DeltaKind, text: RStr<'_>) -> bool {
        if let Some(observer) = &self.observer {
            observer(kind, text.as_str());
        }
        !self.lost()
    }

    fn cancelled(&self) -> bool {
        self.lost()
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        self.send(reply.into_result());
    }
}

impl RawScoreSink for Sink<ScoreReply> {
    fn cancelled(&self) -> bool {
        self.lost()
    }

    fn finish(self, reply: RResult<ScoreReply, ModuleError>) {
        self.send(reply.into_result());
    }
}

impl RawToolSink for Sink<ToolOutput> {
    fn cancelled(&self) -> bool {
        self.lost()
    }

    fn finish(self, output: RResult<RString, ModuleError>) {
        let output = output.into_result().and_then(|json| {
            serde_json::from_str(&json)
                .map_err(|error| ModuleError::fault(format_args!("its output does not parse: {error}")))
        });
        self.send(output);
    }

    fn finish_text(self, text: RString, is_error: bool) {
        self.send(Ok(ToolOutput { text: text.into(), is_error, cost_micros: 0 }));
    }
}

/// A sink for a chat.
pub(crate) fn chat(cancel: &Cancel, observer: Option<DeltaObserver>) -> (ChatSink, Filled<ChatReply>) {
    let (to, filled) = oneshot::channel();
    (chat_sink(Sink { to, cancel: cancel.clone(), observer }), filled)
}

/// A sink for scores.
pub(crate) fn score(cancel: &Cancel) -> (ScoreSink, Filled<ScoreReply>) {
    let (to, filled) = oneshot::channel();
    (score_sink(Sink { to, cancel: cancel.clone(), observer: None }), filled)
}

/// A sink for a tool call.
pub(crate) fn tool(cancel: &Cancel) -> (ToolSink, Filled<ToolOutput>) {
    let (to, filled) = oneshot::channel();
    (tool_sink(Sink { to, cancel: cancel.clone(), observer: None }), filled)
}
