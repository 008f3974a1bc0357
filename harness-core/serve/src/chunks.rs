//! A streamed answer: events for words as they come, and for what only the end knows.

use std::sync::Arc;

use harness_core::Cancel;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::{
    answer::{self, Answer},
    error::ApiError,
    outbox::{Item, Sender},
    reply_text::Piece,
    turn::Head,
};

/// Puts the events of one answer into its client's outbox.
#[derive(Debug, Clone)]
pub(crate) struct Chunks {
    to: Arc<Sender>,
    head: Arc<Head>,
    include_usage: bool,
}

impl Chunks {
    /// Events that go `to` a client.
    pub fn new(to: Sender, head: Arc<Head>, include_usage: bool) -> Self {
        Self { to: Arc::new(to), head, include_usage }
    }

    /// Sends words.
    pub fn send(&self, pieces: Vec<Piece>) {
        for piece in pieces {
            self.to.send(Item::Words(piece));
        }
    }

    /// Sends what an answer has besides words, and the end.
    pub fn finish(&self, ended: Result<&Answer, &ApiError>) {
        let answer = match ended {
            Ok(answer) => answer,
            Err(error) => return self.to.send(Item::Error(error.body())),
        };
        for (index, left) in answer.calls.iter().enumerate() {
            let mut call = answer::call(left);
            call["index"] = index.into();
            self.to.send(Item::Event(choice(&json!({"tool_calls": [call]}), Value::Null)));
        }
        self.to.send(Item::Event(choice(&json!({}), answer.finish.into())));
        // Without choices, as the protocol sends usage: clients that do not know it skip it.
        let mut last = json!({"choices": [], "harness": self.head.beside(answer)});
        if self.include_usage {
            last["usage"] = answer.usage();
        }
        self.to.send(Item::Event(last));
        self.to.send(Item::Done);
    }
}

fn choice(delta: &Value, finish: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

/// Makes events of what a client takes out of its outbox.
#[derive(Debug)]
pub(crate) struct Events {
    head: Arc<Head>,
    begun: bool,
}

impl Events {
    /// Events of the answer with this head.
    pub fn new(head: Arc<Head>) -> Self {
        Self { head, begun: false }
    }

    /// The bytes of an item.
    pub fn of(&mut self, item: Item) -> Bytes {
        let fields = match item {
            Item::Words(Piece::Beside(text)) => choice(&json!({"reasoning_content": text}), Value::Null),
            Item::Words(Piece::Answer(text)) => choice(&json!({"content": text}), Value::Null),
            Item::Event(fields) => fields,
            Item::Error(error) => return event(&error).into(),
            Item::Done => return Bytes::from_static(b"data: [DONE]\n\n"),
        };
        let mut events = String::new();
        if !std::mem::replace(&mut self.begun, true) {
            events += &self.chunk(choice(&json!({"role": "assistant", "content": ""}), Value::Null));
        }
        (events + &self.chunk(fields)).into()
    }

    fn chunk(&self, fields: Value) -> String {
        let mut chunk = self.head.object("chat.completion.chunk");
        if let Value::Object(fields) = fields {
            chunk.extend(fields);
        }
        event(&chunk.into())
    }
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// Tells those who work for a client that it is gone, when dropped.
#[derive(Debug)]
pub(crate) struct ClientGone(pub Cancel);

impl Drop for ClientGone {
    fn drop(&mut self) {
        // After the end of the work nobody listens any more.
        self.0.cancel();
    }
}
