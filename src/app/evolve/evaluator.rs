//! Evolution's evaluator over the real runner: the benchmark plays, the record remembers.

use std::future::Future;

use evolve_gate::{GroupSplit, PlannedGroup};
use harness_bench::{Player, RunError, Runner, Split};
use harness_evolve::{Arrival, Evaluator, EvaluatorError};
use harness_host::Inspected;
use harness_spec::{Catalogue, Features, Harness, VariantId};
use harness_trace::{CallKey, Entry, EpisodeResult, ExploreTrace, Recorder, Rollout, Store, TraceError};

use super::super::App;

/// The benchmark of a runner as an evaluator.
pub(super) struct BenchmarkEvaluator<'a> {
    /// Where the lock of packs is.
    pub app: &'a App,
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
pub(super) fn latency(store: &Store, episode: &str) -> Result<u64, TraceError> {
    let took = |entry: &Entry| match entry {
        Entry::Chat { micros, .. } | Entry::Score { micros, .. } | Entry::Tool { micros, .. } => *micros,
        _ => 0,
    };
    let entries = store.entries(&store.episode(episode)?)?;
    entries.map(|entry| entry.map(|(_, entry)| took(&entry))).sum()
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
        let lock = self.app.lock().map_err(|failure| fail(failure.to_string()))?;
        // What nobody allowed does not join; once it is allowed, the next round takes it in.
        let wanted = |file: &Inspected| match known {
            None => self.app.trust.may_run(file).unwrap_or_default(),
            Some(known) => known.iter().any(|arrival| arrival.sha256 == file.sha256),
        };
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
    ) -> impl Future<Output = Result<Vec<EpisodeResult>, EvaluatorError>> + Send {
        let player = Player::from(harness.clone());
        async move {
            let other = rollouts.iter().find(|one| self.runner.benchmark().split_of(&one.task) != Some(split));
            if let Some(other) = other {
                return Err(EvaluatorError::Failed(format!("task {} is no {split} task", other.task)));
            }
            self.runner.play(&player, &rollouts, 1, |_| ()).await.map_err(evaluator_error)
        }
    }

    fn latency(&self, played: &EpisodeResult) -> Result<u64, EvaluatorError> {
        latency(self.runner.store(), &played.episode).map_err(|error| EvaluatorError::Failed(error.to_string()))
    }

    fn trace(&self, played: &EpisodeResult) -> Result<ExploreTrace, EvaluatorError> {
        let store = self.runner.store();
        let fail = |error: TraceError| EvaluatorError::Failed(error.to_string());
        store.explore_trace(&store.episode(&played.episode).map_err(fail)?).map_err(fail)
    }

    fn answers(&self, task: &str) -> Vec<String> {
        self.runner.benchmark().answers(task).into_iter().collect()
    }

    fn reply(&self, key: &CallKey) -> Option<String> {
        let reply = self.runner.store().chat(key).ok().flatten()?;
        serde_json::to_string(&reply.message).ok()
    }

    fn answer(&self, played: &EpisodeResult) -> Result<String, EvaluatorError> {
        let store = self.runner.store();
        let state = store.episode(&played.episode).and_then(|row| store.final_state(&row));
        state.map(|state| state.to_string()).map_err(|error| EvaluatorError::Failed(error.to_string()))
    }
}
