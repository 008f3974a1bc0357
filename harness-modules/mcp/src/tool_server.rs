//! Tools of this program for clients of the protocol, on standard input and output. Each call works on a thread of its own, is told when
//! nobody wants it any more, and may say how far it is. Refuses tools that are not offered. Nothing but messages reaches standard output:
//! whoever else writes there writes to standard error.

use std::{borrow::Cow, convert::Infallible, fs::File, io, sync::Arc};

use harness_abi::ToolSpec;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::{RequestContext, ServerInitializeError, serve_server},
};
use serde_json::{Map, Value};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};

use crate::answer::cut;

/// Bytes of a result that a client is given; of more, the beginning and the end.
const MOST: usize = 100_000;

/// What is offered.
pub trait ServedTools: Send + Sync + 'static {
    /// What a client should know before it calls anything.
    fn about(&self) -> String;
    /// The tools.
    fn tools(&self) -> Vec<ToolSpec>;
    /// Does a call, on a thread it may block. A text is given as it is, anything else as JSON.
    ///
    /// # Errors
    ///
    /// What went wrong and what to do, for the model that called.
    fn call(&self, tool: &str, arguments: &Map<String, Value>, call: &Call) -> Result<Value, String>;
}

/// A call under way.
#[derive(Debug)]
pub struct Call {
    runtime: Handle,
    gone: watch::Receiver<bool>,
    told: mpsc::UnboundedSender<String>,
}

impl Call {
    /// Does `this` once nobody wants the call any more; never, if the call ends before.
    pub fn when_cancelled(&self, this: impl FnOnce() + Send + 'static) {
        let mut gone = self.gone.clone();
        self.runtime.spawn(async move {
            if gone.wait_for(|gone| *gone).await.is_ok() {
                this();
            }
        });
    }

    /// Says how far it is, to a client that wants to know it.
    pub fn tell(&self, text: &str) {
        self.news().tell(text);
    }

    /// The way to say so, for somebody else.
    pub fn news(&self) -> News {
        News(self.told.clone())
    }
}

/// How far a call is, for its client.
#[derive(Debug, Clone)]
pub struct News(mpsc::UnboundedSender<String>);

impl News {
    /// Tells it.
    pub fn tell(&self, text: &str) {
        // After the end of the call there is no news.
        let _ = self.0.send(text.to_owned());
    }
}

/// Why nothing can be offered.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Standard input or output cannot be used.
    #[error("standard input and output cannot be used: {0}; an MCP client starts this program with pipes")]
    Pipes(#[from] io::Error),
    /// The client did not begin as the protocol says.
    #[error("the client did not begin as the protocol says: {0}")]
    Beginning(#[from] Box<ServerInitializeError>),
}

/// Answers a client on standard input and output until it leaves or `stop` is there; then calls under way are cancelled and waited for.
///
/// # Errors
///
/// If there are no such pipes, or the client does not speak the protocol.
pub async fn serve(tools: impl ServedTools, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
    let (input, output) = pipes()?;
    let (working, mut over) = mpsc::channel(1);
    let server = ToolServer { tools: Arc::new(tools), working };
    tokio::pin!(stop);
    let running = tokio::select! {
        running = serve_server(server, (input, output)) => match running {
            Ok(running) => running,
            // It left before it began.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(Box::new(error).into()),
        },
        () = &mut stop => return Ok(()),
    };
    let end = running.cancellation_token();
    let waiting = running.waiting();
    tokio::pin!(waiting);
    tokio::select! {
        _ = &mut waiting => {}
        () = stop => {
            end.cancel();
            let _ = waiting.await;
        }
    }
    // Everybody who works holds one end of this.
    while over.recv().await.is_some() {}
    Ok(())
}

/// Standard input and output for messages alone: what else is printed goes to standard error from here on.
fn pipes() -> io::Result<(tokio::fs::File, tokio::fs::File)> {
    let input = rustix::io::dup(rustix::stdio::stdin())?;
    let output = rustix::io::dup(rustix::stdio::stdout())?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok((tokio::fs::File::from_std(File::from(input)), tokio::fs::File::from_std(File::from(output))))
}

/// Takes calls.
struct ToolServer {
    tools: Arc<dyn ServedTools>,
    working: mpsc::Sender<Infallible>,
}

impl ServerHandler for ToolServer {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("harness", env!("CARGO_PKG_VERSION"));
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities).with_server_info(name).with_instructions(self.tools.about())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.tools().into_iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tools = self.tools.tools();
        if !tools.iter().any(|tool| tool.name == request.name) {
            let names = tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(", ");
            let text = format!("there is no tool `{}`; there are {names}", request.name);
            return Err(ErrorData::invalid_params(text, None));
        }
        let (leave, gone) = watch::channel(false);
        let (tell, mut told) = mpsc::unbounded_channel();
        let call = Call { runtime: Handle::current(), gone, told: tell };
        let (tools, working) = (self.tools.clone(), self.working.clone());
        let mut work = tokio::task::spawn_blocking(move || {
            let done = tools.call(&request.name, &request.arguments.unwrap_or_default(), &call);
            drop(working);
            done
        });
        let token = context.meta.get_progress_token();
        let mut progress = 0_u32;
        let done = loop {
            tokio::select! {
                // What was said before the end is told before the end.
                biased;
                Some(text) = told.recv() => if let Some(token) = &token {
                    progress += 1;
                    let news = ProgressNotificationParam::new(token.clone(), progress.into()).with_message(text);
                    // A client that left needs no news.
                    let _ = context.peer.notify_progress(news).await;
                },
                done = &mut work => break done,
                () = context.ct.cancelled(), if !*leave.borrow() => {
                    leave.send_replace(true);
                }
            }
        };
        match done {
            Ok(Ok(value)) => Ok(result(value).into()),
            Ok(Err(text)) => Ok(CallToolResult::error(vec![ContentBlock::text(cut(text, MOST))]).into()),
            Err(_) => Err(ErrorData::internal_error("the tool broke down; what was recorded is kept", None)),
        }
    }
}

fn tool(spec: ToolSpec) -> Tool {
    let hints = ToolAnnotations::new().read_only(spec.read_only).idempotent(spec.idempotent);
    let schema = match spec.input_schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    Tool::new(Cow::Owned(spec.name), spec.description, schema).with_annotations(hints)
}

/// A result for a model, as text, and for a program, where it is an object that is not cut.
fn result(value: Value) -> CallToolResult {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let whole = text.len() <= MOST;
    let mut result = CallToolResult::success(vec![ContentBlock::text(cut(text, MOST))]);
    result.structured_content = (whole && value.is_object()).then_some(value);
    result
}
