//! The MCP server: what a client's model asks for, as JSON, becomes the same requests as the command line's. Writes nothing but messages
//! to standard output.

mod server;
mod tools;

use std::{collections::BTreeMap, path::PathBuf, sync::Mutex};

use harness::{
    App, Cancel, Failure,
    app::{run::OpenHarness, suite},
};

use self::server::Server;

/// What clients may use.
pub struct ServerRequest {
    /// Harness files and bundles; each is called by its file's or folder's name.
    pub files: Vec<PathBuf>,
    /// Suites that may be checked and evolved on.
    pub suites: Vec<String>,
    /// The model that plays in place of the files' own.
    pub model: Option<String>,
    /// The folder that tools of files and commands work in. Without one they have none.
    pub workspace: Option<PathBuf>,
}

/// Serves a client on standard input and output until it leaves or `stop` is used.
pub fn serve(app: App, request: &ServerRequest, stop: &Cancel) -> Result<(), Failure> {
    let mut harnesses = BTreeMap::new();
    for file in &request.files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if harnesses.contains_key(&name) {
            return Err(Failure::input(format!("two harnesses are called `{name}`"))
                .hint("rename a file: harnesses are called by their files' names"));
        }
        let (model, workspace) = (request.model.as_deref(), request.workspace.as_deref());
        harnesses.insert(name, OpenHarness::open(&app, file, model, workspace)?);
    }
    let mut suites = BTreeMap::new();
    for named in &request.suites {
        let name = suite::name_of(named)?;
        if suites.insert(name.clone(), named.clone()).is_some() {
            return Err(Failure::input(format!("two suites are called `{name}`")).hint("name each of them once"));
        }
    }
    let store = app.record()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    let server = Server { app, harnesses, suites, model: request.model.clone(), evolving: Mutex::default() };
    let served = runtime.block_on(harness_mcp::serve(server, stop.cancelled()));
    // A read of standard input may wait for ever.
    runtime.shutdown_background();
    store.flush()?;
    served.map_err(Failure::new)
}
