//! Going on with an episode that was interrupted. Refuses one that ended by itself, one that is being played, and another harness: what
//! was recorded would not be what it does.

use std::collections::{BTreeMap, HashMap};

use harness_core::CompletedCall;
use harness_trace::{EpisodeRow, Filter, RunKind, Store};

use super::super::{App, record};
use crate::{
    Control, Failure,
    lock::{self, Held, Patience},
};

/// The kind of fact that says of an episode as what other episode it went on.
pub(in crate::app) const WENT_ON: &str = "went_on";

/// What is known of the interrupted episode.
pub(in crate::app) struct Earlier {
    pub id: String,
    pub prompt: String,
    harness: String,
    seed: u64,
    /// What its tools have done, and those of the attempts before it.
    pub completed: Vec<CompletedCall>,
    /// Nobody else plays it, or goes on with it.
    _held: Held,
}

/// The lock of an episode, by the first attempt at it.
pub(in crate::app) fn hold(app: &App, first: &str, patience: Patience, control: &Control) -> Result<Held, Failure> {
    lock::hold(app, &format!("episode-{first}"), &format!("the episode {first}"), patience, control)
}

/// Attempts at one episode, as the record links them.
struct Attempts {
    before: HashMap<String, String>,
    after: HashMap<String, String>,
}

impl Attempts {
    fn read(store: &Store) -> Result<Self, Failure> {
        let (mut before, mut after) = (HashMap::new(), HashMap::new());
        for (_, fact) in store.facts_of_all_runs(WENT_ON)? {
            let newer = fact.value.as_str().unwrap_or_default().to_owned();
            before.insert(newer.clone(), fact.key.clone());
            after.insert(fact.key, newer);
        }
        Ok(Self { before, after })
    }

    /// The attempt at the end of a chain; chains have no circles, as each link leads to what began later.
    fn end(links: &HashMap<String, String>, id: &str) -> String {
        let mut at = id;
        for _ in 0..links.len() {
            match links.get(at) {
                Some(next) => at = next,
                None => break,
            }
        }
        at.to_owned()
    }
}

/// Reads it from the record: of several attempts at it the last, with what all of them have done.
pub(super) fn read(app: &App, id: &str, patience: Patience, control: &Control) -> Result<Earlier, Failure> {
    let store = app.record_to_read()?;
    let named = store.episode(id).map_err(record::unknown)?;
    if !named.start.parent.is_empty() {
        return Err(ended(&named).unwrap_or_else(|| {
            Failure::input(format!("{} answered a call of {}", named.start.episode, named.start.parent))
                .hint(format!("--resume {} goes on with both", named.start.parent))
        }));
    }
    if store.run(&named.start.run)?.is_none_or(|run| run.kind != RunKind::Run) {
        return Err(Failure::input(format!("{} was not begun by `harness run`", named.start.episode))
            .hint("bench and evolve go on by themselves when the same command is given again"));
    }
    let first = Attempts::end(&Attempts::read(&store)?.before, &named.start.episode);
    let held = hold(app, &first, patience, control)?;
    // From here on nothing of it changes.
    let attempts = Attempts::read(&store)?;
    let id = Attempts::end(&attempts.after, &named.start.episode);
    let row = store.episode(&id)?;
    if let Some(failure) = ended(&row) {
        return Err(failure);
    }
    let mut all = completed(&store, &row, "")?;
    let mut at = id.clone();
    for _ in 0..attempts.before.len() {
        let Some(before) = attempts.before.get(&at) else { break };
        // An attempt that was stopped early has not come to all that the ones before it did.
        for call in completed(&store, &store.episode(before)?, "")? {
            let same = |done: &&CompletedCall| {
                (done.step, &done.within, &done.name, &done.arguments)
                    == (call.step, &call.within, &call.name, &call.arguments)
            };
            if !all.iter().any(|done| same(&done)) {
                all.push(call);
            }
        }
        at.clone_from(before);
    }
    Ok(Earlier {
        id,
        prompt: row.start.task,
        harness: row.start.harness,
        seed: row.start.seed,
        completed: all,
        _held: held,
    })
}

/// Why an episode cannot go on: it is over.
fn ended(row: &EpisodeRow) -> Option<Failure> {
    let outcome = row.outcome.filter(|outcome| outcome.counts())?;
    let text = format!("{} has ended ({}): {}", row.start.episode, outcome.name(), row.reason);
    Some(Failure::input(text).hint("only what was interrupted, killed or left by its model server can go on"))
}

/// What the tools of an episode have done, and those of the episodes inside it: of several attempts of one, the last.
fn completed(store: &Store, row: &EpisodeRow, within: &str) -> Result<Vec<CompletedCall>, Failure> {
    let mut all = CompletedCall::of(store.entries(row)?)?;
    all.iter_mut().for_each(|call| within.clone_into(&mut call.within));
    let inner = Filter { parent: Some(row.start.episode.clone()), ..Filter::default() };
    let newest: BTreeMap<String, EpisodeRow> =
        store.episodes(&inner)?.into_iter().map(|row| (row.start.episode.clone(), row)).collect();
    for (id, inner) in &newest {
        let name = id.strip_prefix(&row.start.episode).unwrap_or_default();
        all.extend(completed(store, inner, &format!("{within}{name}"))?);
    }
    Ok(all)
}

impl Earlier {
    /// Its seed, if this is its harness.
    pub(super) fn check(&self, variant: &str) -> Result<u64, Failure> {
        if self.harness == variant {
            return Ok(self.seed);
        }
        let text = format!("{} ran under the harness {}, this is {variant}", self.id, self.harness);
        Err(Failure::input(text).hint("give the file as it was then, and the same --model"))
    }
}
