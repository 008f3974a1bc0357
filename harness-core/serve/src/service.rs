//! What is served: a harness with its variants, the record, and the limits within which clients may ask.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use harness_abi::Workspace;
use harness_core::{Agent, Clock, SystemClock};
use harness_spec::{Features, Pool};
use harness_trace::Store;
use tokio::sync::Semaphore;

use crate::{access::Access, hidden_history::HiddenHistory, outbox::Waiting, reply_text::Commentary};

/// How much clients may ask for.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// Episodes at a time; who comes beyond is told to try again.
    pub episodes: usize,
    /// Connections at a time; who comes beyond waits to be accepted.
    pub connections: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes that wait for clients which read slowly, all of them together, besides 16 KiB for each: beyond it such a client is
    /// cut off.
    pub waiting: usize,
    /// For the headers of a request, for its body, between two requests of a connection, and for a client to read anything of
    /// what it is sent.
    pub patience: Duration,
    /// For what is under way when the server is told to stop.
    pub drain: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            episodes: 1024,
            connections: 8192,
            body: 8 << 20,
            waiting: 32 << 20,
            patience: Duration::from_secs(20),
            drain: Duration::from_secs(30),
        }
    }
}

/// A harness that is served.
pub struct Service {
    /// The name clients call it by.
    pub(crate) name: String,
    pub(crate) pool: Pool,
    pub(crate) agents: BTreeMap<String, Arc<Agent>>,
    pub(crate) store: Arc<Store>,
    pub(crate) run: String,
    pub(crate) access: Access,
    pub(crate) limits: ServeLimits,
    /// Places for episodes.
    pub(crate) places: Arc<Semaphore>,
    /// What waits for clients to read it.
    pub(crate) waiting: Waiting,
    hidden: Mutex<HiddenHistory>,
    /// Whether it was told to stop.
    pub(crate) stopping: AtomicBool,
    pub(crate) workspace: Option<Workspace>,
    pub(crate) commentary: Commentary,
    pub(crate) created: u64,
    next: AtomicU64,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Service {
    /// Serves `pool` as `name`: `agents` holds each of its variants, assembled; episodes belong to `run` of `store`. Without a
    /// token everybody who reaches it may ask.
    pub fn new(
        name: &str,
        pool: Pool,
        agents: BTreeMap<String, Agent>,
        store: Arc<Store>,
        run: &str,
        token: Option<&str>,
        limits: ServeLimits,
    ) -> Self {
        Self {
            name: name.to_owned(),
            pool,
            agents: agents.into_iter().map(|(name, agent)| (name, Arc::new(agent))).collect(),
            store,
            run: run.to_owned(),
            access: Access::new(token),
            limits,
            places: Arc::new(Semaphore::new(limits.episodes)),
            waiting: Waiting::new(limits.waiting),
            hidden: Mutex::default(),
            stopping: AtomicBool::new(false),
            workspace: None,
            commentary: Commentary::default(),
            created: SystemClock.unix_millis() / 1000,
            next: AtomicU64::new(1),
        }
    }

    /// Has tools work in this folder, which all requests share.
    #[must_use]
    pub fn in_workspace(self, workspace: Option<Workspace>) -> Self {
        Self { workspace, ..self }
    }

    /// Says where words go that come before the answer.
    #[must_use]
    pub fn with_commentary(self, commentary: Commentary) -> Self {
        Self { commentary, ..self }
    }

    /// Who answers what a user asked last, and the variant's name.
    pub(crate) fn agent(&self, asked: &str) -> Option<Arc<Agent>> {
        let known = Features { text: asked.to_owned(), ..Features::default() };
        self.agents.get(self.pool.route(&known)).cloned()
    }

    /// What clients cannot see of their conversations. A panic while it is held does no harm: what is kept is kept.
    pub(crate) fn hidden(&self) -> MutexGuard<'_, HiddenHistory> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next request.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}
