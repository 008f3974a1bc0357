//! Judges every certificate of a run again, offline, from what the record holds.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use harness_evolve::{DECISIONS, MEASURE, Recorded, Verification};
use harness_trace::{ChainCheck, EpisodeResult, EpisodeRow, RunKind, Store};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use super::{super::App, evaluator};
use crate::{Control, Failure};

/// Which run, in which record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// The run's id, or how it alone begins; `latest` for the last one.
    pub run: String,
    /// The record, if not the workspace's.
    #[serde(default)]
    pub record: Option<PathBuf>,
}

/// A run and its controls, and the record they are in.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// Whether the rows of the record are what was written, and the hash that stands for all of them.
    pub chain: ChainCheck,
    /// The run, then its controls.
    pub runs: Vec<VerifiedRun>,
}

impl Verified {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.chain.differs.is_empty() && self.runs.iter().all(|run| run.found.holds())
    }
}

/// A run that was checked. As JSON, `run`, `holds`, `ended`, `certificates`, `differs`, `measured`.
#[derive(Debug)]
pub struct VerifiedRun {
    /// The run.
    pub run: String,
    /// What was found.
    pub found: Verification,
    /// Episodes of the report's arms that were held against what the run says of them.
    pub measured: usize,
}

impl Serialize for VerifiedRun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { run, found, measured } = self;
        let mut fields = serializer.serialize_struct("VerifiedRun", 6)?;
        fields.serialize_field("run", run)?;
        fields.serialize_field("holds", &found.holds())?;
        fields.serialize_field("ended", &found.ended)?;
        fields.serialize_field("certificates", &found.certificates)?;
        fields.serialize_field("differs", &found.differs)?;
        fields.serialize_field("measured", measured)?;
        fields.end()
    }
}

/// Episodes of one run by (harness, task, seed).
struct Episodes {
    store: Arc<Store>,
    by_rollout: HashMap<(String, String, u64), EpisodeResult>,
}

impl Recorded for Episodes {
    fn played(&self, harness: &str, task: &str, seed: u64) -> Option<EpisodeResult> {
        self.by_rollout.get(&(harness.to_owned(), task.to_owned(), seed)).cloned()
    }

    fn latency(&self, played: &EpisodeResult) -> Result<u64, String> {
        evaluator::latency(&self.store, &played.episode).map_err(|error| error.to_string())
    }
}

/// Checks the run and its controls. Plays nothing and loads no pack. What differs from the
/// record is a result: see [`Verification::holds`].
///
/// # Errors
///
/// There is no such record or run, what it says cannot be read, or it was cancelled.
pub fn verify(app: &App, request: &VerifyRequest, control: &Control) -> Result<Verified, Failure> {
    let path = request.record.clone().unwrap_or_else(|| app.workspace().record());
    if !path.is_file() {
        return Err(Failure::input(format!("there is no record at {}", path.display()))
            .hint("--record FILE names one; a run keeps its own in .harness/record.sqlite"));
    }
    let store = Store::read(&path)?;
    let id = find(&store, &request.run)?;
    let mut found: Vec<VerifiedRun> = Vec::new();
    // The run that was allowed generic modules only is a run of its own. Earlier versions recorded its decisions alone.
    let mut ids = vec![id.clone()];
    ids.extend(store.controls(&id)?.into_iter().map(|control| control.id));
    if ids.len() == 1 {
        ids.push(format!("{id}-generic"));
    }
    for id in ids {
        control.check()?;
        let facts: Vec<_> = store.facts(&id, DECISIONS)?.into_iter().map(|fact| (fact.key, fact.value)).collect();
        if facts.is_empty() && !found.is_empty() {
            continue;
        }
        let rows = store.finished(&id)?;
        let key = |row: &EpisodeRow| (row.start.harness.clone(), row.start.task.clone(), row.start.seed);
        let by_rollout = rows.iter().map(|row| (key(row), EpisodeResult::recorded(row)));
        let episodes = Episodes { store: store.clone(), by_rollout: by_rollout.collect() };
        let mut verification = harness_evolve::verify(&facts, &episodes).map_err(Failure::input)?;
        let facts: Vec<_> = store.facts(&id, MEASURE)?.into_iter().map(|fact| (fact.key, fact.value)).collect();
        let (differs, compared) = harness_evolve::verify_measurement(&facts, &episodes).map_err(Failure::input)?;
        verification.differs.extend(differs.into_iter().map(|what| format!("measured: {what}")));
        found.push(VerifiedRun { run: id, found: verification, measured: compared });
    }
    Ok(Verified { chain: store.check_chain()?, runs: found })
}

/// The run of this id, or the only one whose id begins so.
fn find(store: &Store, name: &str) -> Result<String, Failure> {
    let runs = store.runs()?;
    let evolved: Vec<&str> = runs.iter().filter(|run| run.kind == RunKind::Evolve).map(|run| run.id.as_str()).collect();
    let matching: Vec<&str> = evolved.iter().copied().filter(|id| id.starts_with(name)).collect();
    match (matching.as_slice(), evolved.last()) {
        ([only], _) => Ok((*only).to_owned()),
        (several, _) if several.contains(&name) => Ok(name.to_owned()),
        ([], Some(last)) if name == "latest" => Ok((*last).to_owned()),
        ([], _) => Err(Failure::input(format!("the record has no evolution `{name}`")).hint(match evolved.last() {
            Some(last) => format!("the last one it holds is `{last}`"),
            None => "it holds none at all".to_owned(),
        })),
        (several, _) => Err(Failure::input(format!("`{name}` may be {}", several.join(" or ")))),
    }
}
