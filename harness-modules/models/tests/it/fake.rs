//! A real server on the loopback that does what a test tells it, good and bad; and a model of this pack that asks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use harness_abi::{
    ChatReply, ChatRequest, Constraint, DeltaKind, Message, ModelBox, ModuleError, RawChatSink, Sampling, ToolSpec,
    chat_sink,
    stable::{RResult, RStr},
};
use harness_models::{MANIFEST, pack};
use harness_spec::PackManifest;
use serde_json::{Map, Value, json};

/// One thing a server does on a connection.
#[derive(Clone)]
pub enum Act {
    Send(Vec<u8>),
    Wait(u64),
}

pub fn send(text: impl AsRef<[u8]>) -> Act {
    Act::Send(text.as_ref().to_vec())
}

/// A reply with a status line and a body whose length is told.
pub fn answer(status: &str, headers: &str, body: &str) -> Vec<Act> {
    vec![send(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))]
}

pub const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

pub fn stream(events: &[Value], end: &str) -> Vec<Act> {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    vec![send(STREAM), send(body), send(end)]
}

/// What a server was sent.
pub struct Seen {
    /// The lines before the body, in lower case.
    pub head: String,
    /// The body.
    pub body: Value,
}

impl std::ops::Index<&str> for Seen {
    type Output = Value;
    fn index(&self, key: &str) -> &Value {
        &self.body[key]
    }
}

pub type Log = Arc<Mutex<Vec<Seen>>>;

/// Starts a server that plays one script a connection; gives its address and what it was sent.
pub fn server(scripts: Vec<Vec<Act>>) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for script in scripts {
            let Ok((connection, _)) = listener.accept() else { return };
            serve(connection, &script, &log);
        }
    });
    (address, seen)
}

pub fn serve(mut connection: TcpStream, script: &[Act], log: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(connection.try_clone().expect("a clone"));
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head += &line.to_lowercase();
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_ok() {
        let body = serde_json::from_slice(&body).unwrap_or_default();
        log.lock().expect("the log").push(Seen { head, body });
    }
    for act in script {
        match act {
            Act::Send(bytes) if connection.write_all(bytes).and_then(|()| connection.flush()).is_err() => return,
            Act::Send(_) => {}
            Act::Wait(millis) => std::thread::sleep(Duration::from_millis(*millis)),
        }
    }
}

pub fn model(module: &str, address: &str, given: Value) -> ModelBox {
    build(module, address, given).expect("model")
}

pub fn build(module: &str, address: &str, given: Value) -> Result<ModelBox, ModuleError> {
    let manifest = PackManifest::parse(MANIFEST).expect("manifest");
    let mut config: Map<String, Value> = manifest.module(module).expect("module").defaults().into_iter().collect();
    let test = json!({"base_url": address, "model": "m", "api_key_env": "", "backoff_ms": 1, "max_backoff_ms": 80});
    config.extend(test.as_object().cloned().unwrap_or_default());
    config.extend(given.as_object().cloned().unwrap_or_default());
    let config = Value::Object(config).to_string();
    pack().model()(module.into(), config.as_str().into()).into_result()
}

pub type Deltas = Arc<Mutex<Vec<(DeltaKind, String)>>>;

struct Sink {
    send: mpsc::Sender<Result<ChatReply, ModuleError>>,
    deltas: Deltas,
    cancel_after: Option<Instant>,
}

impl RawChatSink for Sink {
    fn delta(&self, kind: DeltaKind, text: RStr<'_>) -> bool {
        self.deltas.lock().expect("deltas").push((kind, text.into()));
        true
    }

    fn cancelled(&self) -> bool {
        self.cancel_after.is_some_and(|at| Instant::now() >= at)
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        // The test may be over.
        let _ = self.send.send(reply.into_result());
    }
}

#[derive(Default)]
pub struct Given {
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    pub constraint: Constraint,
    pub cancel_after: Option<Instant>,
}

pub fn start(model: &ModelBox, given: &Given) -> (mpsc::Receiver<Result<ChatReply, ModuleError>>, Deltas) {
    let (send, receive) = mpsc::channel();
    let deltas = Deltas::default();
    let tools =
        if given.tools.is_empty() { String::new() } else { serde_json::to_string(&given.tools).expect("tools") };
    let constraint = serde_json::to_string(&given.constraint).expect("constraint");
    let sampling = serde_json::to_string(&Sampling { seed: 8, ..Sampling::default() }).expect("sampling");
    let request = ChatRequest {
        messages: given.messages.as_slice().into(),
        tools_json: tools.as_str().into(),
        constraint_json: constraint.as_str().into(),
        sampling_json: sampling.as_str().into(),
        extra: "".into(),
    };
    let sink = Sink { send, deltas: Arc::clone(&deltas), cancel_after: given.cancel_after };
    model.chat(&request, chat_sink(sink));
    (receive, deltas)
}

pub fn chat(model: &ModelBox, given: &Given) -> Result<ChatReply, ModuleError> {
    start(model, given).0.recv().expect("an answer")
}

pub fn hello() -> Given {
    Given { messages: vec![Message::user("hello")], ..Given::default() }
}

pub fn tool(name: &str) -> ToolSpec {
    let input_schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    ToolSpec { name: name.into(), description: "It.".into(), input_schema, read_only: false, idempotent: false }
}
