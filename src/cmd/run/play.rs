//! One task played and recorded, whoever asked for it: a person at the command line, or a client of `harness mcp serve`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use harness_abi::{Message, Role, Workspace};
use harness_core::{Agent, Cancel, Clock, DeltaObserver, Episode, EpisodeSpec, RunError, Start, SystemClock};
use harness_host::Host;
use harness_spec::Harness;
use harness_trace::{EpisodeStart, RunKind, RunRecord, Store};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use super::resume::{self, Earlier};
use crate::{failure::Failure, lock::Patience, wire};

/// Where tasks are played.
pub struct Stage<'a> {
    pub host: &'a Host,
    pub store: &'a Arc<Store>,
    pub runtime: &'a Handle,
    /// The folder tools work in, if they have one.
    pub workspace: Option<Workspace>,
}

/// Who plays.
pub struct Variant<'a> {
    pub name: &'a str,
    pub harness: &'a Harness,
    pub agent: &'a Agent,
    /// What confines its commands, by tool.
    pub sandbox: Map<String, Value>,
}

/// What is played.
pub struct Task {
    pub prompt: String,
    pub seed: u64,
    /// The attempt that it goes on with.
    pub earlier: Option<Earlier>,
    pub cancel: Cancel,
    /// Hears the reply as it is written.
    pub observer: Option<DeltaObserver>,
}

/// An episode by its id.
pub struct Played {
    pub id: String,
    pub episode: Episode,
}

/// An id that no other run of this program has.
fn id(started_ms: u64) -> String {
    static BEFORE: AtomicU64 = AtomicU64::new(0);
    let id = format!("run-{started_ms:x}-{:x}", std::process::id());
    match BEFORE.fetch_add(1, Ordering::Relaxed) {
        0 => id,
        before => format!("{id}-{before:x}"),
    }
}

/// Plays the task to its end.
///
/// # Errors
///
/// If the record fails. An episode that ended early is one, too.
pub fn play(stage: &Stage<'_>, variant: Variant<'_>, task: Task) -> Result<Played, Failure> {
    let started_ms = SystemClock.unix_millis();
    let id = id(started_ms);
    // Whoever wants to go on with it is told that it is played.
    let _held = match &task.earlier {
        Some(_) => None,
        None => Some(resume::hold(&id, Patience::Refuse)?),
    };
    let folder = stage.workspace.as_ref().map_or("", |workspace| workspace.path.as_str());
    stage.store.begin_run(RunRecord {
        id: id.clone(),
        kind: RunKind::Run,
        of: String::new(),
        command: crate::argv::command_line(),
        started_ms,
        suite: String::new(),
        seed: task.seed,
        config: json!({
            "harness": variant.harness.canonical(stage.host.catalogue()), "variant": variant.name,
            "sandbox": variant.sandbox, "workspace": folder,
        }),
        lock: wire::installed(stage.host),
    })?;
    let performed = match &task.earlier {
        Some(earlier) => {
            stage.store.put_fact(&id, resume::WENT_ON, &earlier.id, &id)?;
            earlier.performed.clone()
        }
        None => Vec::new(),
    };
    let meta = EpisodeStart {
        episode: id.clone(),
        run: id.clone(),
        task: task.prompt.clone(),
        seed: task.seed,
        started_ms,
        ..EpisodeStart::default()
    };
    let mut spec = EpisodeSpec::new(meta, Start::Prompt(task.prompt), stage.store.clone());
    spec.cancel = task.cancel;
    spec.workspace.clone_from(&stage.workspace);
    spec.performed = performed;
    spec.observer = task.observer;
    let episode = stage.runtime.block_on(variant.agent.run(spec)).map_err(|RunError::Record(error)| error)?;
    stage.store.flush()?;
    Ok(Played { id, episode })
}

impl Played {
    /// The model's last words.
    pub fn answer(&self) -> String {
        let last = self.episode.history.iter().rfind(|message| message.role() == Role::Assistant);
        last.map(Message::text).unwrap_or_default().into_owned()
    }

    /// What came of it, for machines.
    pub fn json(&self, agent: &Agent) -> Value {
        let end = &self.episode.end;
        json!({
            "episode": self.id, "variant": agent.variant(), "simulated": agent.is_simulated(),
            "unpriced": agent.unpriced(), "outcome": end.outcome, "reason": end.reason, "answer": self.answer(),
            "steps": end.steps, "usage": end.usage, "replayed": end.replayed,
            "wall_seconds": end.micros as f64 / 1e6,
        })
    }
}
