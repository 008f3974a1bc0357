//! What an onlooker is told while a request is carried out, and how a request is told to stop. Events are not the record: what
//! happened is kept there whether anybody looks on or not.

use std::sync::Arc;

use harness_core::Cancel;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// Something happened. As JSON, an object whose `event` names the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A tool of the harness that is about to run starts commands, confined like this.
    Confined {
        /// The tool's id.
        tool: String,
        /// What confines its commands.
        mechanism: String,
        /// The folder they work in.
        workspace: String,
    },
    /// A piece of the model's reply, as it is written. Untrusted text.
    Reply {
        /// The piece.
        text: String,
    },
    /// Work of a known size begins: tasks of a benchmark or a suite, modules of a pack.
    Started {
        /// What is worked on.
        what: String,
        /// How many pieces there are.
        total: u64,
    },
    /// Pieces of that work are done.
    Advanced {
        /// How many more.
        by: u64,
    },
    /// A stage of a download begins.
    Download(Download),
    /// What is about to be shown or played is to be seen rarely: gate or sealed tasks. It is counted.
    Looked {
        /// What was counted.
        text: String,
    },
    /// Another process works on the same thing: this one waits for it to end.
    Waiting {
        /// Which thing, and who works on it.
        text: String,
    },
    /// Another part of an evolution begins.
    Phase {
        /// The suite.
        suite: String,
        /// What is done from here on.
        phase: String,
    },
    /// A round of an evolution begins.
    Round {
        /// Its number, from 1.
        round: u32,
        /// Most rounds there can be.
        of: u32,
    },
    /// Rollouts of an evolution came back.
    Played {
        /// What they were played for.
        phase: harness_evolve::Phase,
        /// How many just now.
        now: usize,
        /// Of those, found in the record.
        remembered: usize,
        /// Rollouts of the run so far.
        total: u64,
    },
    /// A decision of an evolution that was just recorded, in one line.
    Decided {
        /// The line.
        text: String,
    },
    /// A harness is served: requests are answered from here on.
    Serving {
        /// The base address for clients, `http://…/v1`.
        url: String,
        /// The run the requests are recorded in.
        run: String,
        /// Variant ids by name.
        variants: std::collections::BTreeMap<String, String>,
    },
}

/// A stage of a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Download {
    /// What is about to be fetched.
    Begins {
        /// What it is.
        what: String,
        /// Its bytes, where they are known.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// Its licence, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        licence: Option<String>,
    },
    /// A source of several is asked.
    Asking {
        /// An address, or wheels.
        source: String,
    },
    /// pip asks its index and downloads.
    AskingPip {
        /// What is fetched.
        package: String,
        /// Its version.
        version: String,
    },
    /// Bytes come from a server.
    Receiving {
        /// Bytes that are here.
        received: u64,
        /// Bytes of the whole, where the server says.
        total: Option<u64>,
    },
    /// The digest is compared.
    Verifying {
        /// Bytes that came.
        bytes: u64,
    },
    /// What came is unpacked.
    Unpacking,
    /// It is there.
    Done {
        /// How many files.
        files: usize,
    },
}

/// Whoever looks on. Called from the threads that work: it must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn on(&self, event: &Event) {
        self(event);
    }
}

/// How a request is watched and stopped.
#[derive(Clone)]
pub struct Control {
    /// Stops the request: what is finished by then stays on record.
    pub cancel: Cancel,
    observer: Arc<dyn Observer>,
}

impl Default for Control {
    /// Nobody looks on, and nobody stops it.
    fn default() -> Self {
        Self::new(Cancel::new(), |_: &Event| ())
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}

impl Control {
    /// Stopped by `cancel`, watched by `observer`.
    pub fn new(cancel: Cancel, observer: impl Observer + 'static) -> Self {
        Self { cancel, observer: Arc::new(observer) }
    }

    /// Tells the observer.
    pub fn tell(&self, event: &Event) {
        self.observer.on(event);
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// The request was cancelled.
    pub fn check(&self) -> Result<(), Failure> {
        if self.cancel.is_cancelled() { Err(Failure::interrupted("interrupted")) } else { Ok(()) }
    }
}
