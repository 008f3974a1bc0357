//! `openai`: a server that speaks chat completions, of whatever maker. Translates a request or refuses it, never drops a part of it;
//! answers from a runtime of its own, so it blocks nobody.

mod config;
mod exchange;
mod fold;
mod names;
mod request;
mod retry;
mod server;
mod sse;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use harness_abi::{ChatReply, ChatRequest, ChatSink, DeltaKind, Model, ModelInfo, ModuleError};
use tokio::runtime::{Builder, Runtime};

pub use config::{Choice, Config};
use exchange::{Exchange, Listener};
use server::Server;

/// A model behind a server.
#[derive(Debug)]
pub struct OpenAi {
    server: Arc<Server>,
    info: ModelInfo,
    runtime: &'static Runtime,
}

impl OpenAi {
    /// Reads the key from the environment and sets up the client; no connection is made yet.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        let info = config.info();
        let server = Arc::new(Server::new(config)?);
        Ok(Self { server, info, runtime: runtime()? })
    }
}

/// The runtime of all models of this pack. Never dropped: dropping one inside another's task is an error.
fn runtime() -> Result<&'static Runtime, ModuleError> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let build = || Builder::new_multi_thread().worker_threads(1).thread_name("openai").enable_all().build().ok();
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
async fn watched(server: &Server, exchange: &Exchange, listener: &impl Listener) -> Result<ChatReply, ModuleError> {
    const LOOK: Duration = Duration::from_millis(25);
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

impl Model for OpenAi {
    fn info(&self) -> ModelInfo {
        self.info.clone()
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        let exchange = Exchange::new(&self.server.config, request)?;
        let (server, (send, receive)) = (Arc::clone(&self.server), mpsc::channel());
        self.runtime.spawn(async move {
            // The receiver waits below for as long as this task lives.
            let _ = send.send(watched(&server, &exchange, &Quiet).await);
        });
        receive.recv().unwrap_or_else(|_| Err(ModuleError::fault("the exchange with the server panicked")))
    }

    fn start_chat(&self, request: &ChatRequest<'_>, sink: ChatSink) {
        let exchange = match Exchange::new(&self.server.config, request) {
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
