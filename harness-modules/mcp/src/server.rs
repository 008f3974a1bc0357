//! The tool module: a server that is started when its tools are first asked for, known again when it starts for the next episode, and
//! held to what it said first. Answers from a runtime of its own, so it blocks nobody.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
    time::Duration,
};

use harness_abi::{ErrorClass, ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec, kit, stable::RResult};
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

use crate::{
    config::Config,
    connect::{Connection, same},
    listing::Listing,
};

/// A server's tools.
pub struct Server {
    link: Arc<Link>,
    listing: Arc<Listing>,
}

/// The way to a server, which may have to be opened again.
struct Link {
    config: Arc<Config>,
    /// What it offered when this program first reached it.
    first: OnceLock<Arc<Listing>>,
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
}

/// What each server of this program offered first, by its configuration: an agent is assembled with that.
static FIRST: Mutex<Option<HashMap<String, Arc<Listing>>>> = Mutex::new(None);

fn first(key: &str) -> Option<Arc<Listing>> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(key).cloned()
}

fn remember(key: String, listing: Arc<Listing>) -> Arc<Listing> {
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert_default().entry(key).or_insert(listing).clone()
}

/// The runtime of all servers of this pack. Never dropped: dropping one inside another's task is an error.
fn runtime() -> Result<&'static Runtime, ModuleError> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let build = || Builder::new_multi_thread().worker_threads(1).thread_name("mcp").enable_all().build().ok();
    RUNTIME
        .get_or_init(build)
        .as_ref()
        .ok_or_else(|| ModuleError::fault("no thread can be started for MCP; free some threads"))
}

impl Server {
    /// Starts the server and lists its tools. One that this program has listed before is started beside the caller, who does not
    /// wait; it must offer the same.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        let config = Arc::new(config.check()?);
        let key = kit::json(&*config).to_string();
        let link = Arc::new(Link { config, first: OnceLock::new(), connection: tokio::sync::Mutex::new(None) });
        if let Some(listing) = first(&key) {
            // Nobody else has it yet.
            let _ = link.first.set(listing.clone());
            let opening = link.clone();
            // A failure is found again, and told, by the first call.
            runtime()?.spawn(async move { opening.open().await.map(drop) });
            return Ok(Self { link, listing });
        }
        let (send, receive) = mpsc::channel();
        let opening = link.clone();
        runtime()?.spawn(async move {
            // The receiver waits below for as long as this task lives.
            let _ = send.send(opening.open().await.map(|connection| connection.listing().clone()));
        });
        let listing = receive.recv().unwrap_or_else(|_| Err(ModuleError::fault("starting the MCP server panicked")))?;
        let listing = remember(key, Arc::new(listing));
        let _ = link.first.set(listing.clone());
        Ok(Self { link, listing })
    }
}

impl Link {
    /// The open connection; opens it when there is none or the server is gone.
    async fn open(&self) -> Result<Arc<Connection>, ModuleError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connection = Arc::new(Connection::open(self.config.clone()).await?);
        if let Some(first) = self.first.get() {
            same(&self.config, connection.listing(), first)?;
        }
        *held = Some(connection.clone());
        Ok(connection)
    }

    async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Result<ToolOutput, ModuleError> {
        let connection = self.open().await?;
        connection.unchanged().await?;
        connection.call(tool, arguments).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connection ends on its own runtime: a server is given time to say farewell.
        let link = self.link.clone();
        if let Ok(runtime) = runtime() {
            runtime.spawn(async move { drop(link.connection.lock().await.take()) });
        }
    }
}

/// What a call asks for, read before the caller goes on.
fn read(listing: &Listing, request: &ToolRequest<'_>) -> Result<(String, Map<String, Value>), ModuleError> {
    let name = request.name.as_str();
    let tool = listing.theirs(name).ok_or_else(|| ModuleError::input(format_args!("there is no tool `{name}`")))?;
    match request.arguments()? {
        Value::Object(arguments) => Ok((tool.to_owned(), arguments)),
        other => Err(ModuleError::input(format_args!("arguments of {name} are {other}, not an object"))),
    }
}

impl Tool for Server {
    fn specs(&self) -> Vec<ToolSpec> {
        self.listing.specs().to_vec()
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let (tool, arguments) = read(&self.listing, request)?;
        let (link, (send, receive)) = (self.link.clone(), mpsc::channel());
        runtime()?.spawn(async move {
            let _ = send.send(link.call(&tool, arguments).await);
        });
        receive.recv().unwrap_or_else(|_| Err(ModuleError::fault("the call of the MCP server panicked")))
    }

    fn start(&self, request: &ToolRequest<'_>, sink: ToolSink) {
        const LOOK: Duration = Duration::from_millis(250);
        let asked = read(&self.listing, request).and_then(|asked| Ok((asked, runtime()?)));
        let ((tool, arguments), runtime) = match asked {
            Ok(asked) => asked,
            Err(error) => return sink.finish(RResult::RErr(error)),
        };
        let link = self.link.clone();
        runtime.spawn(async move {
            let answer = {
                let call = link.call(&tool, arguments);
                tokio::pin!(call);
                loop {
                    tokio::select! {
                        answer = &mut call => break answer,
                        () = tokio::time::sleep(LOOK) => if sink.cancelled() {
                            break Err(ModuleError::new(ErrorClass::CANCELLED, "the host cancelled the call"));
                        },
                    }
                }
            };
            match answer {
                Ok(output) => sink.finish_text(output.text.into(), output.is_error),
                Err(error) => sink.finish(RResult::RErr(error)),
            }
        });
    }
}
