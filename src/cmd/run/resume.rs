//! Going on with an episode that was interrupted. Refuses one that ended by itself, and another harness: what was recorded would
//! not be what it does.

use std::collections::BTreeMap;

use harness_core::Performed;
use harness_trace::{EpisodeRow, Filter, Store};

use crate::{cmd::trace, failure::Failure, wire};

/// What is known of the interrupted episode.
pub struct Earlier {
    id: String,
    pub prompt: String,
    harness: String,
    seed: u64,
    /// What its tools have done.
    pub performed: Vec<Performed>,
}

/// Reads it from the record.
pub fn read(id: &str) -> Result<Earlier, Failure> {
    let store = wire::record()?;
    let row = store.episode(id).map_err(trace::unknown)?;
    let id = row.start.episode.clone();
    if let Some(outcome) = row.outcome.filter(|outcome| outcome.counts()) {
        return Err(Failure::input(format!("{id} has ended ({}): {}", outcome.name(), row.reason))
            .hint("only what was interrupted, killed or left by its model server can go on"));
    }
    if !row.start.parent.is_empty() {
        return Err(Failure::input(format!("{id} answered a call of {}", row.start.parent))
            .hint(format!("--resume {} goes on with both", row.start.parent)));
    }
    if !row.start.run.starts_with("run-") {
        return Err(Failure::input(format!("{id} was not begun by `harness run`"))
            .hint("bench and evolve go on by themselves when the same command is given again"));
    }
    let performed = performed(&store, &row, "")?;
    Ok(Earlier { id, prompt: row.start.task, harness: row.start.harness, seed: row.start.seed, performed })
}

/// What the tools of an episode have done, and those of the episodes inside it: of several attempts of one, the last.
fn performed(store: &Store, row: &EpisodeRow, within: &str) -> Result<Vec<Performed>, Failure> {
    let mut all = Performed::of(store.entries(row)?)?;
    all.iter_mut().for_each(|call| within.clone_into(&mut call.within));
    let inner = Filter { parent: Some(row.start.episode.clone()), ..Filter::default() };
    let newest: BTreeMap<String, EpisodeRow> =
        store.episodes(&inner)?.into_iter().map(|row| (row.start.episode.clone(), row)).collect();
    for (id, inner) in &newest {
        let name = id.strip_prefix(&row.start.episode).unwrap_or_default();
        all.extend(performed(store, inner, &format!("{within}{name}"))?);
    }
    Ok(all)
}

impl Earlier {
    /// Its seed, if this is its harness.
    pub fn check(&self, variant: &str) -> Result<u64, Failure> {
        if self.harness == variant {
            return Ok(self.seed);
        }
        let text = format!("{} ran under the harness {}, this is {variant}", self.id, self.harness);
        Err(Failure::input(text).hint("give the file as it was then, and the same --model"))
    }
}
