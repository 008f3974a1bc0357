//! A connection: a server reached, its revision agreed, its tools listed and checked. Refuses a server that is not there in time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use harness_abi::{ErrorClass, ModuleError, ToolOutput};
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CancelledNotificationParam, ClientCapabilities, ClientConfig,
        ClientRequest, Implementation, ListToolsRequest, PaginatedRequestParams, ProtocolVersion, RequestId,
        SubscriptionFilter,
    },
    service::{
        ClientInitializeError, ClientLifecycleMode, NotificationContext, Peer, PeerRequestOptions, RunningService,
        ServiceError, serve_client_with_lifecycle,
    },
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::{
    answer,
    child::{self, Process, Words},
    config::{Config, Revision},
    listing::Listing,
    pages::Pages,
};

/// Receives what a server says unasked. Answers nothing it might ask: no sampling, no roots, no questions to a person.
#[derive(Debug, Clone, Default)]
pub struct Ears {
    /// Whether the server said that its tools changed, and nobody has looked since.
    changed: Arc<AtomicBool>,
}

impl ClientHandler for Ears {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Release);
    }

    fn get_info(&self) -> ClientConfig {
        let name = Implementation::new("harness", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), name)
    }
}

/// A server that answers.
pub struct Connection {
    config: Arc<Config>,
    // Dropped first: it closes what the process reads.
    running: RunningService<RoleClient, Ears>,
    ears: Ears,
    listing: Listing,
    process: Option<Mutex<Process>>,
    words: Words,
}

impl Connection {
    /// Reaches the server and lists its tools.
    pub async fn open(config: Arc<Config>) -> Result<Self, ModuleError> {
        let words = Words::default();
        let patience = Duration::from_millis(config.start_ms);
        let open = async {
            match config.revision {
                Revision::Handshake => Self::begin(&config, ClientLifecycleMode::Initialize, &words).await,
                Revision::Stateless => Self::begin(&config, stateless(), &words).await,
                Revision::Auto => match Self::begin(&config, either(), &words).await {
                    // Some servers of the older revision end at a first message they do not know.
                    Err(error) if error.class == ErrorClass::UNAVAILABLE => {
                        Self::begin(&config, ClientLifecycleMode::Initialize, &words).await
                    }
                    begun => begun,
                },
            }
        };
        tokio::time::timeout(patience, open).await.unwrap_or_else(|_| {
            let message = format!(
                "the MCP server `{}` was not ready within {} ms{}; raise start_ms, or is it another program?",
                config.name,
                config.start_ms,
                words.text()
            );
            Err(ModuleError::new(ErrorClass::TIMEOUT, message))
        })
    }

    async fn begin(config: &Arc<Config>, mode: ClientLifecycleMode, words: &Words) -> Result<Self, ModuleError> {
        let ears = Ears::default();
        let (running, process) = if config.url.is_empty() {
            let (mut process, output, input) = child::start(config, words)?;
            match serve_client_with_lifecycle(ears.clone(), (output, input), mode).await {
                Ok(running) => (running, Some(Mutex::new(process))),
                Err(error) => {
                    let how = if closed(&error) { process.ended().await } else { None };
                    return Err(no_beginning(config, &error, how, words));
                }
            }
        } else {
            let mut http = StreamableHttpClientTransportConfig::with_uri(config.url.as_str());
            if !config.token_env.is_empty() {
                http = http.auth_header(token(config)?);
            }
            harness_http::choose_tls();
            let transport = StreamableHttpClientTransport::from_config(http);
            let running = serve_client_with_lifecycle(ears.clone(), transport, mode).await;
            (running.map_err(|error| no_beginning(config, &error, None, words))?, None)
        };
        let listing = list(config, running.peer(), words).await?;
        let connection = Self { config: config.clone(), running, ears, listing, process, words: words.clone() };
        connection.listen();
        Ok(connection)
    }

    /// Asks to be told of changes, where that must be asked for: without a session nobody is told.
    fn listen(&self) {
        let (peer, changed) = (self.running.peer().clone(), self.ears.changed.clone());
        let info = peer.peer_info();
        let tells = info.as_ref().and_then(|info| info.capabilities.tools.as_ref()?.list_changed).unwrap_or(false);
        let stateless = info.is_some_and(|info| info.protocol_version == ProtocolVersion::V_2026_07_28);
        if !tells || !stateless {
            return;
        }
        tokio::spawn(async move {
            let filter = SubscriptionFilter::builder().tools_list_changed().build();
            let Ok(mut subscription) = peer.listen(filter).await else { return };
            while let Ok(Some(_)) = subscription.next().await {
                changed.store(true, Ordering::Release);
            }
        });
    }

    /// What it offers.
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Whether nothing can be asked any more.
    pub fn is_closed(&self) -> bool {
        self.running.is_closed()
    }

    /// Looks at the tools again if the server said that they changed.
    pub async fn unchanged(&self) -> Result<(), ModuleError> {
        if !self.ears.changed.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let now = list(&self.config, self.running.peer(), &self.words).await;
        let checked = now.and_then(|now| same(&self.config, &now, &self.listing));
        if checked.is_err() {
            // The next call must look again: what changed once is not forgotten.
            self.ears.changed.store(true, Ordering::Release);
        }
        checked
    }

    /// Calls one of its tools, by the server's name.
    pub async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Result<ToolOutput, ModuleError> {
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let patience = Duration::from_millis(self.config.call_ms);
        // Dropped when it is late, it tells the server so.
        let Ok(answer) = tokio::time::timeout(patience, ask(self.running.peer(), request)).await else {
            let message = format!(
                "the MCP server `{}` did not answer a call of `{tool}` within {} ms{}; raise call_ms if it needs longer",
                self.config.name,
                self.config.call_ms,
                self.words.text()
            );
            return Err(ModuleError::new(ErrorClass::TIMEOUT, message));
        };
        match answer {
            Ok(result) => answer::output(&result, self.config.most_bytes).ok_or_else(|| {
                ModuleError::fault(format_args!(
                    "the MCP server `{}` answered a call of `{tool}` with something that is no result of a tool{}",
                    self.config.name,
                    self.words.text()
                ))
            }),
            // An error of the protocol is the model's to mend: arguments that do not fit, a tool that is gone.
            Err(ServiceError::McpError(error)) => {
                let error = serde_json::to_value(&error)?;
                Ok(answer::refused(&error, self.config.most_bytes))
            }
            Err(error) => Err(self.lost(&error).await),
        }
    }

    async fn lost(&self, error: &ServiceError) -> ModuleError {
        let how = match &self.process {
            Some(process) => process.lock().await.ended().await,
            None => None,
        };
        let mut gone = child::gone(&self.config, how, &self.words);
        if self.process.is_none() {
            gone.message = format!("{}: {error}", gone.message).into();
        }
        gone
    }
}

/// Calls a tool; the result is read as it came and not as the protocol's types, which know no content of a later revision.
async fn ask(peer: &Peer<RoleClient>, params: CallToolRequestParams) -> Result<Value, ServiceError> {
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    let handle = peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await?;
    let mut abandoned = Abandoned { peer: peer.clone(), id: Some(handle.id.clone()) };
    let answer = handle.await_response().await;
    abandoned.id = None;
    serde_json::to_value(answer?).map_err(|_| ServiceError::UnexpectedResponse)
}

/// Tells the server that nobody waits any more, when it is dropped with an id.
struct Abandoned {
    peer: Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) else { return };
        let peer = self.peer.clone();
        let why = CancelledNotificationParam::new(Some(id), Some("nobody waits for it any more".to_owned()));
        // A server that is gone needs no word.
        runtime.spawn(async move { peer.notify_cancelled(why).await });
    }
}

fn stateless() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

fn either() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::V_2026_07_28], legacy_version: None }
}

fn token(config: &Config) -> Result<String, ModuleError> {
    match std::env::var(&config.token_env) {
        Ok(token) if !token.trim().is_empty() => Ok(token.trim().to_owned()),
        _ => Err(config.wrong(format_args!(
            "needs a token, and the environment variable {} holds none; set it, or set token_env to \"\"",
            config.token_env
        ))),
    }
}

/// Whether these are the tools as they were.
pub fn same(config: &Config, now: &Listing, before: &Listing) -> Result<(), ModuleError> {
    let differs = now.differs(before);
    if differs.is_empty() {
        return Ok(());
    }
    Err(ModuleError::fault(format_args!(
        "the MCP server `{}` changed its tools while they were in use: {differs}; what a model was shown no longer holds",
        config.name
    )))
}

/// Whether the server is gone, in place of having refused.
fn closed(error: &ClientInitializeError) -> bool {
    match error {
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => closed(fallback),
        other => {
            matches!(other, ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. })
        }
    }
}

fn no_beginning(config: &Config, error: &ClientInitializeError, how: Option<String>, words: &Words) -> ModuleError {
    match (error, how) {
        (_, Some(how)) => child::gone(config, Some(how), words),
        (ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. }, None) => {
            let known: Vec<String> = server_supported.iter().map(ToString::to_string).collect();
            config.wrong(format_args!(
                "speaks no revision this program knows, only {}; update one of both",
                known.join(", ")
            ))
        }
        (error, None) => {
            let place = if config.url.is_empty() { String::new() } else { format!(" at {}", config.url) };
            let message = format!("the MCP server `{}`{place} did not begin: {error}{}", config.name, words.text());
            ModuleError::new(ErrorClass::UNAVAILABLE, message)
        }
    }
}

/// All its tools, checked.
async fn list(config: &Config, peer: &Peer<RoleClient>, words: &Words) -> Result<Listing, ModuleError> {
    let mut pages = Pages::default();
    let mut cursor: Option<String> = None;
    loop {
        let params = cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
        let request = ListToolsRequest { params, ..ListToolsRequest::default() };
        // Read as it came and not as the protocol's types: an error must say which tool lies about what.
        let answer = peer.send_request(ClientRequest::ListToolsRequest(request)).await;
        let answer = answer.map_err(|error| match error {
            ServiceError::McpError(error) => config.wrong(format_args!("does not list its tools: {}", error.message)),
            _ => child::gone(config, None, words),
        })?;
        cursor = pages.take(config, &serde_json::to_value(&answer)?, &words.text())?;
        if cursor.is_none() {
            return Listing::check(config, &pages.tools, &pages.names);
        }
    }
}
