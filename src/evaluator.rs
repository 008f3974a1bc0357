//! Evolution's evaluator over the real runner: the benchmark plays, the record remembers.

use std::future::Future;

use evolve_gate::{GroupSplit, PlannedGroup, Split};
use harness_bench::{Job, Player, RunError, Runner, Scored, split_name};
use harness_evolve::{Arrival, Evaluator, EvaluatorError, Played, Rollout};
use harness_host::Inspected;
use harness_spec::{Catalogue, Features, Harness, VariantId};
use harness_trace::{CallKey, Entry, Recorder, Store, TraceError};

use crate::wire;

/// The benchmark of a runner as an evaluator.
pub struct BenchmarkEvaluator<'a> {
    /// Plays.
    pub runner: &'a Runner,
}

fn evaluator_error(error: RunError) -> EvaluatorError {
    match error {
        RunError::Stopped => EvaluatorError::Stopped,
        other => EvaluatorError::Failed(other.to_string()),
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

/// A row of the benchmark as evolution sees it.
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

impl Evaluator for BenchmarkEvaluator<'_> {
    fn catalogue(&self) -> &Catalogue {
        self.runner.host().catalogue()
    }

    fn arrivals(&self, known: Option<&[Arrival]>) -> Result<Vec<Arrival>, EvaluatorError> {
        if known.is_some_and(<[Arrival]>::is_empty) {
            return Ok(Vec::new());
        }
        let fail = |problem: String| EvaluatorError::Failed(problem);
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
        &self.runner.benchmark().suite.name
    }

    fn split(&self) -> &GroupSplit {
        self.runner.benchmark().split()
    }

    fn planned(&self, groups: &[String]) -> Vec<PlannedGroup> {
        self.runner.benchmark().planned(groups)
    }

    fn features(&self, task: &str) -> Features {
        self.runner.benchmark().features(task)
    }

    fn admits(&self, harness: &Harness) -> Result<VariantId, EvaluatorError> {
        self.runner.agent(harness).map_err(evaluator_error)?;
        Ok(harness.variant_id(self.catalogue()))
    }

    fn play(
        &self,
        harness: &Harness,
        split: Split,
        rollouts: Vec<Rollout>,
    ) -> impl Future<Output = Result<Vec<Played>, EvaluatorError>> + Send {
        let player = Player::Harness(harness.clone());
        async move {
            let jobs: Vec<Job> =
                rollouts.into_iter().map(|rollout| Job { task: rollout.task, seed: rollout.seed }).collect();
            let scored = self.runner.play(&player, split_name(split), &jobs, |_| ()).await;
            Ok(scored.map_err(evaluator_error)?.into_iter().map(played).collect())
        }
    }

    fn latency(&self, played: &Played) -> Result<u64, EvaluatorError> {
        latency(self.runner.store(), &played.episode).map_err(|error| EvaluatorError::Failed(error.to_string()))
    }

    fn trace(&self, played: &Played) -> Result<Vec<(u64, Entry)>, EvaluatorError> {
        if !self.split().explore.contains(&played.group) {
            let message =
                format!("episode {} is not of an explore task: its trace is closed to every stage", played.episode);
            return Err(EvaluatorError::Failed(message));
        }
        let store = self.runner.store();
        let fail = |error: TraceError| EvaluatorError::Failed(error.to_string());
        let row = store.episode(&played.episode).map_err(fail)?;
        let entries = store.entries(&row).map_err(fail)?;
        entries.collect::<Result<_, _>>().map_err(fail)
    }

    fn answers(&self, task: &str) -> Vec<String> {
        self.runner.benchmark().answers(task).into_iter().collect()
    }

    fn reply(&self, key: &CallKey) -> Option<String> {
        let reply = self.runner.store().chat(key).ok().flatten()?;
        serde_json::to_string(&reply.message).ok()
    }

    fn answer(&self, played: &Played) -> Result<String, EvaluatorError> {
        let store = self.runner.store();
        let state = store.episode(&played.episode).and_then(|row| store.final_state(&row));
        state.map(|state| state.to_string()).map_err(|error| EvaluatorError::Failed(error.to_string()))
    }
}
