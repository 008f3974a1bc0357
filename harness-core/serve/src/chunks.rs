//! A streamed answer: events as the model writes them where that is the answer already, else once it is known. What has been sent
//! is never taken back.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use harness_abi::DeltaKind;
use harness_core::DeltaObserver;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    answer::{self, Answer},
    error::ApiError,
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
    /// Text and reasoning that were sent.
    sent: Arc<Mutex<(String, String)>>,
}

impl Chunks {
    /// Events that go `to` a response.
    pub fn new(to: UnboundedSender<Bytes>, head: Arc<Head>, include_usage: bool) -> Self {
        Self { to, head, include_usage, begun: Arc::default(), sent: Arc::default() }
    }

    /// Sends what a model writes as it writes it.
    pub fn observer(&self) -> DeltaObserver {
        let chunks = self.clone();
        Arc::new(move |kind, text| match kind {
            DeltaKind::TEXT => chunks.text(text),
            DeltaKind::REASONING => chunks.reasoning(text),
            _ => {}
        })
    }

    fn text(&self, text: &str) {
        if !text.is_empty() {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).0.push_str(text);
            self.delta(&json!({"content": text}), Value::Null);
        }
    }

    fn reasoning(&self, text: &str) {
        if !text.is_empty() {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).1.push_str(text);
            self.delta(&json!({"reasoning_content": text}), Value::Null);
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

    /// Sends what is missing of the answer, and the end.
    pub fn finish(&self, ended: Result<&Answer, &ApiError>) {
        let answer = match ended {
            Ok(answer) => answer,
            Err(error) => return self.event(&error.body()),
        };
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.reasoning(&missing(&sent.1, &answer.reasoning));
        self.text(&missing(&sent.0, &answer.text));
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

/// What of `whole` has not been sent. Where more was sent than the answer holds, such as the words of a model that failed and was
/// stood in for, the answer follows in a paragraph of its own.
fn missing(sent: &str, whole: &str) -> String {
    match whole.strip_prefix(sent) {
        Some(rest) => rest.to_owned(),
        None if sent.ends_with(whole) => String::new(),
        None => format!("\n\n{whole}"),
    }
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn a_stream_ends_with_the_answer() {
        for (sent, whole, rest) in
            [("", "abc", "abc"), ("ab", "abc", "c"), ("abc", "abc", ""), ("x abc", "abc", ""), ("x", "abc", "\n\nabc")]
        {
            assert_eq!(missing(sent, whole), rest);
            assert!(format!("{sent}{}", missing(sent, whole)).ends_with(whole));
        }
    }
}
