//! `harness evolve verify`: judges every certificate of a run again, offline, from what the record holds.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use clap::Args;
use harness_evolve::{DECISIONS, Recorded, Verification, verify};
use harness_trace::{EpisodeResult, EpisodeRow, RunKind, Store};
use serde_json::json;

use crate::{cmd::Global, evaluator, failure::Failure, output, paths};

/// Check the certificates of a run against the record.
///
/// Plays nothing and loads no pack. Every certificate is judged again from its own pairs, its pairs are compared with the
/// recorded episodes, its terms with the run's settings, its level with the error budget, its groups with the fold that was
/// open. Ends with exit code 1 if anything differs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness evolve verify evolve-functions-0a1b2c3d4e
  harness evolve verify evolve-functions                         where only one run's id begins so
  harness evolve verify evolve-functions --record ~/their/record.sqlite
  harness evolve verify evolve-functions --json | jq '.runs[].certificates[] | select(.differs != [])'")]
pub struct VerifyArgs {
    /// The run's id, or how it alone begins; `latest` for the last one
    run: String,
    /// The record [default: .harness/record.sqlite]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
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

/// Checks, prints, and fails when something differs.
pub fn run(global: &Global, args: &VerifyArgs) -> Result<(), Failure> {
    let path = args.record.clone().unwrap_or_else(paths::record);
    if !path.is_file() {
        return Err(Failure::input(format!("there is no record at {}", path.display()))
            .hint("--record FILE names one; a run keeps its own in .harness/record.sqlite"));
    }
    let store = Store::open(&path)?;
    let id = find(&store, &args.run)?;
    let mut found: Vec<(String, Verification)> = Vec::new();
    // The run that was allowed generic modules only is a run of its own. Earlier versions recorded its decisions alone.
    let mut ids = vec![id.clone()];
    ids.extend(store.controls(&id)?.into_iter().map(|control| control.id));
    if ids.len() == 1 {
        ids.push(format!("{id}-generic"));
    }
    for id in ids {
        let facts: Vec<_> = store.facts(&id, DECISIONS)?.into_iter().map(|fact| (fact.key, fact.value)).collect();
        if facts.is_empty() && !found.is_empty() {
            continue;
        }
        let rows = store.finished(&id)?;
        let key = |row: &EpisodeRow| (row.start.harness.clone(), row.start.task.clone(), row.start.seed);
        let by_rollout = rows.iter().map(|row| (key(row), EpisodeResult::recorded(row)));
        let episodes = Episodes { store: store.clone(), by_rollout: by_rollout.collect() };
        found.push((id, verify(&facts, &episodes).map_err(Failure::input)?));
    }
    if global.json {
        let runs = found.iter().map(|(run, found)| {
            json!({"run": run, "holds": found.holds(), "ended": found.ended, "certificates": found.certificates, "differs": found.differs})
        });
        output::json(&json!({"runs": runs.collect::<Vec<_>>()}))?;
    } else {
        for (run, found) in &found {
            output::line(text(run, found))?;
        }
    }
    if found.iter().all(|(_, found)| found.holds()) {
        return Ok(());
    }
    Err(Failure::new("the record does not bear out what the run says")
        .hint("a certificate, a fact or an episode was changed after it was written, or another version wrote it"))
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

fn text(run: &str, found: &Verification) -> String {
    let mut lines = vec![format!("{run}{}", if found.ended { "" } else { " (not ended: checked as far as it is)" })];
    for one in &found.certificates {
        let word = if one.differs.is_empty() { "confirmed" } else { "DIFFERS" };
        let test = json!(one.test).as_str().unwrap_or_default().replace('_', "-");
        let verdict = format!("{:?}", one.verdict).to_lowercase();
        lines.push(format!(
            "  {word:9}  round {} {} {test}: {verdict}, n = {} groups, {} episodes compared",
            one.round, one.candidate, one.groups, one.episodes
        ));
        lines.extend(one.differs.iter().map(|why| format!("             {why}")));
    }
    lines.extend(found.differs.iter().map(|why| format!("  DIFFERS    {why}")));
    let confirmed = found.certificates.iter().filter(|one| one.differs.is_empty()).count();
    lines.push(format!("  {confirmed} of {} certificates confirmed", found.certificates.len()));
    lines.join("\n")
}
