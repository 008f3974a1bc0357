//! What can be asked of the program, one kind of request a module, and the [`App`] that carries it out.

pub mod bench;
pub mod bounds;
pub mod bundle;
pub mod child;
pub mod compare;
pub mod data;
pub mod doctor;
pub mod edit;
pub mod evolve;
pub mod folder_trust;
pub mod init;
pub mod memory;
pub mod model;
pub mod overview;
pub mod pack;
pub mod record;
pub mod run;
pub mod serve;
pub mod suite;

mod benchmark;
mod confinement;
mod hosts;
mod identity;
mod looks;
mod models;
mod play;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

pub use benchmark::{BenchmarkRequest, key_value};
use folder_trust::FolderTrust;
use harness_abi::PackRef;
use harness_trace::Store;
pub use models::model_named;
use tokio::runtime::Runtime;

use crate::{Failure, Workspace};

/// Where requests are carried out, and with what.
pub struct App {
    workspace: Workspace,
    plugins: Vec<PathBuf>,
    own_plugins: Vec<PathBuf>,
    linked: Vec<PackRef>,
    program: Option<PathBuf>,
    trust: Arc<FolderTrust>,
    trusts_folders: bool,
    command: String,
    runtime: OnceLock<Runtime>,
    record: Mutex<Option<Arc<Store>>>,
}

/// Puts an [`App`] together.
#[derive(Debug)]
pub struct AppBuilder(App);

impl AppBuilder {
    /// Works here; by default in the current folder, with the variables of this process.
    #[must_use]
    pub fn workspace(mut self, workspace: Workspace) -> Self {
        self.0.workspace = workspace;
        self
    }

    /// Searches these folders for packs first; then those that the workspace and its variables name.
    #[must_use]
    pub fn plugins(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.0.plugins.extend(folders);
        self
    }

    /// Searches this folder for packs last: those that were installed along with the program. Whoever runs the program trusts them.
    #[must_use]
    pub fn own_plugins(mut self, folder: impl Into<PathBuf>) -> Self {
        self.0.own_plugins.push(folder.into());
        self
    }

    /// Adds a pack that is linked into this program: the value that [`linked_pack!`](crate::abi::linked_pack) makes. Harness files name
    /// its modules as they name those of any other pack, and an evolution may propose them. It runs inside this process.
    #[must_use]
    pub fn linked(mut self, pack: PackRef) -> Self {
        self.0.linked.push(pack);
        self
    }

    /// The program that is started for packs and commands which run in a process of their own, in place of this one: a `harness`
    /// binary. A program that is to serve them itself calls [`child::serve`] first of all.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.0.program = Some(program.into());
        self
    }

    /// What asks, for the record: a command line, the name of a program.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.0.command = command.into();
        self
    }

    /// Trusts every folder that requests name, for this application alone: what it brings runs, sends and reads without being allowed
    /// first. Keys still go to the hosts alone that they are bound to. Else [`folder_trust`] decides.
    #[must_use]
    pub fn trust_folders(mut self, trust: bool) -> Self {
        self.0.trusts_folders = trust;
        self
    }

    /// The application.
    ///
    /// # Errors
    ///
    /// Two linked packs have one name, the manifest of one cannot be read, or `HARNESS_TRUST_FOLDER` says neither yes nor no.
    pub fn build(mut self) -> Result<App, Failure> {
        let App { workspace, plugins, own_plugins, trusts_folders, .. } = &self.0;
        let users: Vec<PathBuf> = plugins.iter().chain(own_plugins).cloned().collect();
        self.0.trust = Arc::new(FolderTrust::new(workspace, *trusts_folders, &users)?);
        if let Some(program) = &self.0.program {
            harness_sandbox::set_program(program);
        }
        if !self.0.linked.is_empty() {
            hosts::check_linked(&self.0.linked)?;
        }
        Ok(self.0)
    }
}

impl App {
    /// An application in the current folder, with the built-in packs.
    pub fn builder() -> AppBuilder {
        AppBuilder(Self {
            workspace: Workspace::here(),
            plugins: Vec::new(),
            own_plugins: Vec::new(),
            linked: Vec::new(),
            program: None,
            trust: Arc::default(),
            trusts_folders: false,
            command: concat!("harness ", env!("CARGO_PKG_VERSION"), ", linked").to_owned(),
            runtime: OnceLock::new(),
            record: Mutex::new(None),
        })
    }

    /// Where it works.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What asks, for the record.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// The workspace's record, made if it is not there; opened once for all requests.
    ///
    /// # Errors
    ///
    /// It cannot be made or opened.
    pub fn record(&self) -> Result<Arc<Store>, Failure> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*record {
            return Ok(store.clone());
        }
        let path = self.workspace.record();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Failure::new(format!("cannot make {}: {error}", folder.display())))?;
        }
        let store = Store::open(&path)?;
        *record = Some(store.clone());
        Ok(store)
    }

    /// The record for reading alone, which may be another user's.
    fn record_to_read(&self) -> Result<Arc<Store>, Failure> {
        if let Some(store) = &*self.record.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(store.clone());
        }
        let path = self.workspace.record();
        if !path.is_file() {
            return Err(Failure::input(format!("there is no record at {}", path.display()))
                .hint("`harness run` and `harness bench` make one; run this where they ran"));
        }
        Ok(Store::read(&path)?)
    }

    /// The runtime episodes run on: one for all requests, because clients of model servers keep their connections on it.
    fn runtime(&self) -> Result<&Runtime, Failure> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let made = made.map_err(|error| Failure::new(format!("no runtime: {error}")))?;
        if let Err(second) = self.runtime.set(made) {
            // Another thread was faster.
            second.shutdown_background();
        }
        self.runtime.get().ok_or_else(|| Failure::new("no runtime"))
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The variables of the workspace may hold keys.
        let folder = self.workspace.folder();
        f.debug_struct("App").field("folder", &folder).field("plugins", &self.plugins).finish_non_exhaustive()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // A call that blocks a thread was told to stop, and is not waited for: this may be dropped where nothing may block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
