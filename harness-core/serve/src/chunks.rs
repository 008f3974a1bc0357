//! A streamed answer: events for words as they come, and for what only the end knows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    answer::{self, Answer},
    error::ApiError,
    reply_text::Piece,
    turn::Head,
};

/// The end of every stream.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// The events of one answer.
#[derive(Debug, Clone)]
pub(crate) struct Chunks {
    to: UnboundedSender<Bytes>,
    head: Arc<Head>,
    include_usage: bool,
    begun: Arc<AtomicBool>,
}

impl Chunks {
    /// Events that go `to` a response.
    pub fn new(to: UnboundedSender<Bytes>, head: Arc<Head>, include_usage: bool) -> Self {
        Self { to, head, include_usage, begun: Arc::default() }
    }

    /// Sends words.
    pub fn send(&self, pieces: Vec<Piece>) {
        for piece in pieces {
            let delta = match piece {
                Piece::Beside(text) => json!({"reasoning_content": text}),
                Piece::Answer(text) => json!({"content": text}),
            };
            self.delta(&delta, Value::Null);
        }
    }

    fn delta(&self, delta: &Value, finish: Value) {
        if !self.begun.swap(true, Ordering::Relaxed) {
            self.chunk(
                json!([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]),
                &[],
            );
        }
        self.chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), &[]);
    }

    fn chunk(&self, choices: Value, more: &[(&str, Value)]) {
        let mut chunk = self.head.object("chat.completion.chunk");
        chunk.insert("choices".into(), choices);
        for (key, value) in more {
            chunk.insert((*key).into(), value.clone());
        }
        self.event(&chunk.into());
    }

    fn event(&self, data: &Value) {
        // A client that is gone is noticed by the body.
        let _ = self.to.send(Bytes::from(format!("data: {data}\n\n")));
    }

    /// Sends what an answer has besides words, and the end.
    pub fn finish(&self, ended: Result<&Answer, &ApiError>) {
        let answer = match ended {
            Ok(answer) => answer,
            Err(error) => return self.event(&error.body()),
        };
        for (index, left) in answer.calls.iter().enumerate() {
            let mut call = answer::call(left);
            call["index"] = index.into();
            self.delta(&json!({"tool_calls": [call]}), Value::Null);
        }
        self.delta(&json!({}), answer.finish.into());
        let beside = ("harness", self.head.beside(answer));
        let usage = self.include_usage.then(|| ("usage", answer.usage()));
        // Without choices, as the protocol sends usage: clients that do not know it skip it.
        self.chunk(json!([]), &[Some(beside), usage].into_iter().flatten().collect::<Vec<_>>());
        let _ = self.to.send(Bytes::from_static(DONE));
    }
}
