//! The harness behind an OpenAI-compatible endpoint. Refuses to be open to a network without a token.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use harness_core::{Clock, SystemClock};
use harness_serve::{Commentary, Service};
use harness_spec::{Catalogue, Pool};
use harness_trace::{RunKind, RunRecord};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    App,
    bounds::{AtOnce, Bytes, Seconds},
    bundle, identity,
    run::OpenHarness,
};
use crate::{Control, Event, Failure};

/// What is served, where, and to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeRequest {
    /// The harness file, or a bundle's folder.
    pub file: PathBuf,
    /// The model that plays in place of the file's.
    pub model: Option<String>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The name clients call it by.
    pub name: String,
    /// What clients must show; `None` asks for nothing, on loopback only.
    pub token: Option<Token>,
    /// The folder that tools work in; all requests share it. Without one they have none.
    pub workspace: Option<PathBuf>,
    /// Where words go that the model says before it calls a tool of the harness.
    pub commentary: Words,
    /// What it gives at most.
    pub limits: ServeLimits,
}

/// What a served harness gives at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// Episodes at a time; requests beyond are told to try again.
    pub concurrency: AtOnce,
    /// Connections at a time; those beyond wait.
    pub connections: AtOnce,
    /// Most bytes of a request.
    pub max_body: Bytes,
    /// Seconds that what is under way has to end once it is cancelled.
    pub drain: Seconds,
}

impl Default for ServeLimits {
    fn default() -> Self {
        let limits = harness_serve::ServeLimits::default();
        Self {
            concurrency: AtOnce::nearest(limits.episodes),
            connections: AtOnce::nearest(limits.connections),
            max_body: Bytes::nearest(limits.body),
            drain: Seconds::nearest(limits.drain.as_secs()),
        }
    }
}

impl ServeRequest {
    /// A harness on a free port of 127.0.0.1, shown to whoever has the token.
    pub fn new(file: impl Into<PathBuf>, token: Token) -> Self {
        Self {
            file: file.into(),
            model: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            name: "harness".to_owned(),
            token: Some(token),
            workspace: None,
            commentary: Words::Reasoning,
            limits: ServeLimits::default(),
        }
    }
}

/// Where words go that are not the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// Beside the answer, in `reasoning_content`; the answer is the last reply alone, and streamed when that is whole.
    Reasoning,
    /// Into the answer, which then is streamed word by word.
    Content,
}

impl From<Words> for Commentary {
    fn from(words: Words) -> Self {
        match words {
            Words::Reasoning => Self::Reasoning,
            Words::Content => Self::Content,
        }
    }
}

/// What clients must show. Its text is never printed by accident: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// This text, without white space around it.
    ///
    /// # Errors
    ///
    /// Nothing is left of it.
    pub fn new(text: &str) -> Result<Self, Failure> {
        match text.trim() {
            "" => Err(Failure::input("the token is empty")),
            text => Ok(Self(text.to_owned())),
        }
    }

    /// One that nobody knows yet: 24 bytes of the machine's randomness, in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// The machine has no randomness.
    pub fn fresh() -> Result<Self, Failure> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(|error| Failure::new(format!("no randomness for a token: {error}")))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The text, to be shown to whoever may know it.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Serves until it is cancelled; [`Event::Serving`] says where, as soon as requests are answered. A second
/// cancellation does not wait for what is under way.
///
/// # Errors
///
/// The harness does not come up, nobody may listen there, or a network would be let in without a token.
pub fn serve(app: &App, request: &ServeRequest, control: &Control) -> Result<(), Failure> {
    if request.token.is_none() && !request.listen.ip().is_loopback() {
        return Err(Failure::input(format!(
            "{} can be reached from elsewhere, and --no-token lets anybody in",
            request.listen
        ))
        .hint("leave --no-token out, or listen on 127.0.0.1"));
    }
    let opened = OpenHarness::open(app, &request.file, request.model.as_deref(), request.workspace.as_deref())?;
    let (host, pool, agents, workspace) = opened.into_parts();
    let variants = bundle::variants(&pool, host.catalogue());
    let store = app.record()?;
    let started_ms = SystemClock.unix_millis();
    let run = identity::fresh("serve", started_ms);
    store.begin_run(RunRecord {
        id: run.clone(),
        kind: RunKind::Serve,
        of: String::new(),
        command: app.command.clone(),
        started_ms,
        suite: String::new(),
        seed: 0,
        config: json!({
            "harness": harnesses(&pool, host.catalogue()), "variants": variants, "name": request.name,
        }),
        lock: app.installed(&host),
    })?;
    let limits = harness_serve::ServeLimits {
        episodes: request.limits.concurrency.get(),
        connections: request.limits.connections.get(),
        body: request.limits.max_body.get(),
        drain: Duration::from_secs(request.limits.drain.get()),
        ..harness_serve::ServeLimits::default()
    };
    let shown = request.token.as_ref().map(Token::text);
    let service = Service::new(&request.name, pool, agents, store.clone(), &run, shown, limits)
        .in_workspace(workspace)
        .with_commentary(request.commentary.into());
    let served = app.runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(request.listen).await.map_err(|error| {
            Failure::input(format!("cannot listen on {}: {error}", request.listen))
                .hint("another --listen, port 0 for a free one")
        })?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        control.tell(&Event::Serving { url, run: run.clone(), variants });
        harness_serve::serve(listener, Arc::new(service), control.cancel.clone()).await.map_err(Failure::new)
    });
    store.flush()?;
    // The packs of the harness stay up for as long as anything is served by them.
    drop(host);
    served
}

fn harnesses(pool: &Pool, catalogue: &Catalogue) -> serde_json::Value {
    pool.variants.iter().map(|(name, harness)| (name.clone(), json!(harness.canonical(catalogue)))).collect()
}
