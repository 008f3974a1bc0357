//! Evolution's arena over the real runner: the exam plays, the record remembers.

use std::future::Future;

use evolve_gate::{GroupSplit, PlannedGroup, Split};
use harness_bench::{Job, Player, RunError, Runner, Scored, split_name};
use harness_evolve::{Arena, ArenaError, Arrival, Played, Rollout};
use harness_host::Inspected;
use harness_spec::{Catalogue, Features, Harness, VariantId};
use harness_trace::{CallKey, Entry, Recorder, Store, TraceError};

use crate::wire;

/// The exam of a runner as an arena.
pub struct ExamArena<'a> {
    /// Plays.
    pub runner: &'a Runner,
}

fn arena_error(error: RunError) -> ArenaError {
    match error {
        RunError::Stopped => ArenaError::Stopped,
        other => ArenaError::Failed(other.to_string()),
    }
}

/// What an episode's calls took, replayed ones as long as they took then, in microseconds.
pub fn latency(store: &Store, episode: &str) -> Result<u64, TraceError> {
    let took = |entry: &Entry| match entry {
        Entry::Chat { micros, .. } | Entry::Score { micros, .. } | Entry::Tool { micros, .. } => *micros,
        _ => 0,
    };
    let entries = store.entries(&store.episode(episode)?)?;
    entries.map(|entry| entry.map(|(_, entry)| took(&entry))).sum()
}

/// A row of the exam as evolution sees it.
pub fn played(row: Scored) -> Played {
    Played {
        rollout: Rollout { task: row.task, seed: row.seed },
        group: row.group,
        episode: row.episode,
        outcome: row.outcome,
        reward: row.reward,
        parts: row.parts,
        steps: row.steps,
        usage: row.usage,
        replayed: row.replayed,
        marking: row.marking,
        micros: row.micros,
        remembered: row.remembered,
    }
}

impl Arena for ExamArena<'_> {
    fn catalogue(&self) -> &Catalogue {
        self.runner.host().catalogue()
    }

    fn arrivals(&self, known: Option<&[Arrival]>) -> Result<Vec<Arrival>, ArenaError> {
        if known.is_some_and(<[Arrival]>::is_empty) {
            return Ok(Vec::new());
        }
        let fail = |problem: String| ArenaError::Failed(problem);
        let lock = wire::lock().map_err(|failure| fail(failure.to_string()))?;
        let wanted =
            |file: &Inspected| known.is_none_or(|known| known.iter().any(|arrival| arrival.sha256 == file.sha256));
        let found = self.runner.host().rescan(lock, wanted).into_iter().map(|file| Arrival {
            pack: file.manifest.pack.name,
            version: file.manifest.pack.version,
            sha256: file.sha256,
        });
        let mut found: Vec<Arrival> = found.collect();
        found.sort_by(|one, other| (&one.pack, one.version).cmp(&(&other.pack, other.version)));
        match known.into_iter().flatten().find(|arrival| !found.contains(arrival)) {
            None => Ok(found),
            Some(gone) => Err(fail(format!(
                "pack {} {} joined this run and is not installed any more; put the same file back (sha256 {})",
                gone.pack, gone.version, gone.sha256
            ))),
        }
    }

    fn suite(&self) -> &str {
        &self.runner.exam().suite.name
    }

    fn split(&self) -> &GroupSplit {
        self.runner.exam().split()
    }

    fn planned(&self, groups: &[String]) -> Vec<PlannedGroup> {
        self.runner.exam().planned(groups)
    }

    fn features(&self, task: &str) -> Features {
        self.runner.exam().features(task)
    }

    fn admits(&self, harness: &Harness) -> Result<VariantId, ArenaError> {
        self.runner.agent(harness).map_err(arena_error)?;
        Ok(harness.variant_id(self.catalogue()))
    }

    fn play(
        &self,
        harness: &Harness,
        split: Split,
        rollouts: Vec<Rollout>,
    ) -> impl Future<Output = Result<Vec<Played>, ArenaError>> + Send {
        let player = Player::Harness(harness.clone());
        async move {
            let jobs: Vec<Job> =
                rollouts.into_iter().map(|rollout| Job { task: rollout.task, seed: rollout.seed }).collect();
            let scored = self.runner.play(&player, split_name(split), &jobs, |_| ()).await;
            Ok(scored.map_err(arena_error)?.into_iter().map(played).collect())
        }
    }

    fn latency(&self, played: &Played) -> Result<u64, ArenaError> {
        latency(self.runner.store(), &played.episode).map_err(|error| ArenaError::Failed(error.to_string()))
    }

    fn trace(&self, played: &Played) -> Result<Vec<(u64, Entry)>, ArenaError> {
        if !self.split().explore.contains(&played.group) {
            let message =
                format!("episode {} is not of an explore task: its trace is closed to every stage", played.episode);
            return Err(ArenaError::Failed(message));
        }
        let store = self.runner.store();
        let fail = |error: TraceError| ArenaError::Failed(error.to_string());
        let row = store.episode(&played.episode).map_err(fail)?;
        let entries = store.entries(&row).map_err(fail)?;
        entries.collect::<Result<_, _>>().map_err(fail)
    }

    fn answers(&self, task: &str) -> Vec<String> {
        self.runner.exam().answers(task).into_iter().collect()
    }

    fn reply(&self, key: &CallKey) -> Option<String> {
        let reply = self.runner.store().chat(key).ok().flatten()?;
        serde_json::to_string(&reply.message).ok()
    }

    fn answer(&self, played: &Played) -> Result<String, ArenaError> {
        let store = self.runner.store();
        let state = store.episode(&played.episode).and_then(|row| store.final_state(&row));
        state.map(|state| state.to_string()).map_err(|error| ArenaError::Failed(error.to_string()))
    }
}
