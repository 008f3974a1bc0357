//! One task given in words, played and recorded: the one place where such a task is played, whoever asked for it.

use harness_abi::{DeltaKind, Message, Role, Usage, Workspace as ToolFolder};
use harness_core::{Agent, Clock, EpisodeSpec, RunError, Start, SystemClock};
use harness_host::Host;
use harness_spec::Harness;
use harness_trace::{EpisodeStart, Outcome, RunKind, RunRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    App, identity,
    run::resume::{self, Earlier},
};
use crate::{Control, Event, Failure, lock::Patience};

/// Who plays.
pub(super) struct Variant<'a> {
    pub host: &'a Host,
    pub name: &'a str,
    pub harness: &'a Harness,
    pub agent: &'a Agent,
    /// What confines its commands, by tool.
    pub sandbox: Map<String, Value>,
}

/// What is played.
pub(super) struct Task {
    pub prompt: String,
    pub seed: u64,
    /// The folder tools work in, if they have one.
    pub workspace: Option<ToolFolder>,
    /// The attempt that it goes on with.
    pub earlier: Option<Earlier>,
    /// Whether the reply is told as it is written.
    pub stream: bool,
}

/// What came of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Played {
    /// The episode's id, which is the run's as well.
    pub episode: String,
    /// The variant's id.
    pub variant: String,
    /// Whether a stand-in for a language model took part.
    pub simulated: bool,
    /// Models whose price nobody knows: what they cost is missing in `usage`.
    pub unpriced: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so, in words.
    pub reason: String,
    /// The model's last words.
    pub answer: String,
    /// Steps taken.
    pub steps: u64,
    /// Tokens and money, as if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what came out of the record.
    pub replayed: Usage,
    /// Seconds it took.
    pub wall_seconds: f64,
}

impl App {
    /// Plays the task to its end.
    ///
    /// # Errors
    ///
    /// The record fails. An episode that ended early is one, too.
    pub(super) fn play(&self, variant: Variant<'_>, task: Task, control: &Control) -> Result<Played, Failure> {
        let store = self.record()?;
        let started_ms = SystemClock.unix_millis();
        let id = identity::fresh("run", started_ms);
        // Whoever wants to go on with it is told that it is played.
        let _held = match &task.earlier {
            Some(_) => None,
            None => Some(resume::hold(self, &id, Patience::Refuse, control)?),
        };
        let folder = task.workspace.as_ref().map_or("", |workspace| workspace.path.as_str());
        store.begin_run(RunRecord {
            id: id.clone(),
            kind: RunKind::Run,
            of: String::new(),
            command: self.command.clone(),
            started_ms,
            suite: String::new(),
            seed: task.seed,
            config: json!({
                "harness": variant.harness.canonical(variant.host.catalogue()), "variant": variant.name,
                "sandbox": variant.sandbox, "workspace": folder,
            }),
            lock: self.installed(variant.host),
        })?;
        let completed = match &task.earlier {
            Some(earlier) => {
                store.put_fact(&id, resume::WENT_ON, &earlier.id, &id)?;
                earlier.completed.clone()
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
        let mut spec = EpisodeSpec::new(meta, Start::Prompt(task.prompt), store.clone());
        spec.cancel = control.cancel.clone();
        spec.workspace = task.workspace;
        spec.completed = completed;
        if task.stream {
            let control = control.clone();
            spec.observer = Some(std::sync::Arc::new(move |kind, text| {
                if kind == DeltaKind::TEXT && !text.is_empty() {
                    control.tell(&Event::Reply { text: text.to_owned() });
                }
            }));
        }
        let played = self.runtime()?.block_on(variant.agent.run(spec));
        let episode = played.map_err(|RunError::Record(error)| error)?;
        store.flush()?;
        let last = episode.history.iter().rfind(|message| message.role() == Role::Assistant);
        let (agent, end) = (variant.agent, episode.end);
        Ok(Played {
            episode: id,
            variant: agent.variant().to_owned(),
            simulated: agent.is_simulated(),
            unpriced: agent.unpriced().into_iter().map(str::to_owned).collect(),
            outcome: end.outcome,
            reason: end.reason,
            answer: last.map(Message::text).unwrap_or_default().into_owned(),
            steps: end.steps,
            usage: end.usage,
            replayed: end.replayed,
            wall_seconds: end.micros as f64 / 1e6,
        })
    }
}
