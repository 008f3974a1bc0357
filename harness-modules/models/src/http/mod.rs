//! What all protocols share: a service to speak to, requests and their replies, and a model made of both. Answers from a runtime
//! of its own, so it blocks nobody. Knows nothing of what a body says.

mod address;
mod exchange;
mod failure;
mod incoming;
mod keys;
mod lenient;
mod post;
mod retry;
mod secrets;
mod server;
mod service;
mod sse;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use harness_abi::{ChatReply, ChatRequest, ChatSink, DeltaKind, Model, ModelInfo, ModuleError};
use harness_http::reqwest::RequestBuilder;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::{
    prices::Price,
    reply::{Asked, Reply, Thoughts},
};
use exchange::Exchange;
use server::Server;

pub use address::identity;
pub use failure::{cut, excerpt, failed_reply, garbage, inside, unknown, unsupported};
pub use incoming::Incoming;
pub use post::post;
pub use service::Service;

/// A protocol: how a request is written, and how its reply is read.
pub trait Protocol: Send + Sync + 'static {
    /// Where requests go, after the base address.
    fn path(&self) -> &'static str;
    /// Whether a key goes where the user of an address goes too, so that a request has room for one of them.
    fn signs_as_user(&self) -> bool;
    /// Adds a key, and whatever else a request's head needs.
    fn sign(&self, request: RequestBuilder, key: Option<&str>) -> RequestBuilder;
    /// Writes a request, or refuses by name what the protocol has no words for.
    fn write(&self, request: &ChatRequest<'_>) -> Result<(Value, Asked), ModuleError>;
    /// A reader for one reply.
    fn read(&self) -> Box<dyn Read>;
    /// What the model says of itself, prices aside.
    fn info(&self) -> ModelInfo;
}

/// How far a reply has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something is missing: a stream that ends here is cut.
    Begun,
    /// A stream may end here; something may follow, such as figures.
    Complete,
    /// Nothing follows.
    Over,
}

/// Reads one reply. What it does not understand it refuses by name: nothing is dropped and the rest called whole.
pub trait Read: Send {
    /// Takes in the data of an event.
    fn event(&mut self, event: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError>;
    /// Takes in a reply that comes whole.
    fn whole(&mut self, body: &Value, teller: &mut Teller<'_>) -> Result<(), ModuleError>;
    /// How far it has come.
    fn progress(&self) -> Progress;
    /// Whether the server may call it done here (`[DONE]`).
    fn may_stop(&self) -> bool {
        self.progress() != Progress::Begun
    }
    /// What was read.
    fn reply(&mut self) -> Result<Reply, ModuleError>;
}

/// Who receives a reply while it comes.
pub trait Listener: Send + Sync {
    /// Passes on a piece; `false`: no more is wanted.
    fn delta(&self, kind: DeltaKind, text: &str) -> bool;
    /// Whether nobody waits any more.
    fn cancelled(&self) -> bool;
}

/// Tells a listener of pieces, thoughts in the text as thoughts, and remembers that it did.
pub struct Teller<'a> {
    listener: &'a dyn Listener,
    thoughts: Thoughts,
    /// Whether the listener has been told of a piece: then the exchange cannot begin again.
    told: bool,
    /// Whether it wants more.
    wanted: bool,
}

impl<'a> Teller<'a> {
    /// Nothing has been told yet.
    pub fn new(listener: &'a dyn Listener) -> Self {
        Self { listener, thoughts: Thoughts::default(), told: false, wanted: true }
    }

    /// Tells of a piece; an empty one is none.
    pub fn tell(&mut self, kind: DeltaKind, text: &str) {
        let Self { listener, thoughts, told, wanted } = self;
        let mut out = |kind: DeltaKind, text: &str| {
            if !text.is_empty() {
                *told = true;
                *wanted &= listener.delta(kind, text);
            }
        };
        if kind == DeltaKind::TEXT { thoughts.push(text, &mut out) } else { out(kind, text) }
    }

    /// Tells what was held back of the text, which has ended.
    pub fn end(&mut self) {
        let mut held = Vec::new();
        std::mem::take(&mut self.thoughts).end(&mut |kind, text| held.push((kind, text.to_owned())));
        for (kind, text) in held.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.told = true;
            self.wanted &= self.listener.delta(kind, &text);
        }
    }
}

/// A model behind a server.
pub struct Remote<P> {
    server: Arc<Server<P>>,
    info: ModelInfo,
    runtime: &'static Runtime,
}

impl<P: Protocol> Remote<P> {
    /// Reads keys from the environment and prices from their files, and sets up the client; no connection is made yet.
    pub fn new(service: Service, protocol: P) -> Result<Self, ModuleError> {
        let price = Price::of(&service)?;
        let info = ModelInfo { unpriced: price.is_none(), ..protocol.info() };
        let server = Arc::new(Server::new(service, protocol, price.unwrap_or_default())?);
        Ok(Self { server, info, runtime: runtime()? })
    }
}

/// The runtime of all models of this pack. Never dropped: dropping one inside another's task is an error.
fn runtime() -> Result<&'static Runtime, ModuleError> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let build = || Builder::new_multi_thread().worker_threads(1).thread_name("models").enable_all().build().ok();
    RUNTIME
        .get_or_init(build)
        .as_ref()
        .ok_or_else(|| ModuleError::fault("no thread can be started for HTTP; free some threads"))
}

/// A sink is for one thread at a time.
struct Shared(Mutex<ChatSink>);

impl Listener for Shared {
    fn delta(&self, kind: DeltaKind, text: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).delta(kind, text.into())
    }

    fn cancelled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancelled()
    }
}

/// Nobody listens to the pieces.
struct Quiet;

impl Listener for Quiet {
    fn delta(&self, _: DeltaKind, _: &str) -> bool {
        true
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// Runs an exchange until it is over or the host lost interest.
async fn watched<P: Protocol>(
    server: &Server<P>,
    exchange: &Exchange,
    listener: &dyn Listener,
) -> Result<ChatReply, ModuleError> {
    const LOOK: Duration = Duration::from_millis(250);
    let lost = async {
        while !listener.cancelled() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        reply = exchange.run(server, listener) => reply,
        () = lost => Err(exchange::cancelled()),
    }
}

impl<P: Protocol> Model for Remote<P> {
    fn info(&self) -> ModelInfo {
        self.info.clone()
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        let exchange = Exchange::new(&self.server.protocol, request)?;
        let (server, (send, receive)) = (Arc::clone(&self.server), mpsc::channel());
        self.runtime.spawn(async move {
            // The receiver waits below for as long as this task lives.
            let _ = send.send(watched(&server, &exchange, &Quiet).await);
        });
        receive.recv().unwrap_or_else(|_| Err(ModuleError::fault("the exchange with the server panicked")))
    }

    fn start_chat(&self, request: &ChatRequest<'_>, sink: ChatSink) {
        let exchange = match Exchange::new(&self.server.protocol, request) {
            Ok(exchange) => exchange,
            Err(error) => return sink.finish(Err(error).into()),
        };
        let server = Arc::clone(&self.server);
        self.runtime.spawn(async move {
            let listener = Shared(Mutex::new(sink));
            let reply = watched(&server, &exchange, &listener).await;
            listener.0.into_inner().unwrap_or_else(PoisonError::into_inner).finish(reply.into());
        });
    }
}
