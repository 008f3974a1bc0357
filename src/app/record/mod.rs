//! Reading the record: which episodes there are, one in full, where words stand, how they fail, where two part, and all of it for other
//! programs. Writes nothing into it but marks of what is void, and that gate and sealed tasks were looked at.

mod diff;
mod digest;
mod export;
mod search;
mod void;

use harness_trace::{Entry, EpisodeRow, Filter, Outcome, TraceError};
pub use harness_trace::{Void, Voided};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    diff::{Compared, DiffRequest, Difference, diff},
    digest::{Digested, digest},
    export::{ExportRequest, Exported, Form, export},
    search::{Found, Place, SearchRequest, search},
    void::{VoidRequest, void},
};
use super::{App, looks};
use crate::{Control, Failure};

/// Which episodes: those for which all of this holds. An empty text says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Which {
    /// Only of this run.
    pub run: String,
    /// Only of this suite.
    pub suite: String,
    /// Only of this split.
    pub split: String,
    /// Only of this group: of tasks, or a session of a served harness.
    pub group: String,
    /// Only those whose task holds these words.
    pub about: String,
    /// Only those that ended so.
    pub outcome: Option<Outcome>,
}

impl Which {
    fn filter(&self) -> Filter {
        let Self { run, suite, split, group, about, outcome } = self.clone();
        Filter { run, suite, split, group, about, outcome, ..Filter::default() }
    }
}

/// A list of episodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRequest {
    /// Which.
    #[serde(default)]
    pub which: Which,
    /// The newest so many.
    pub limit: usize,
}

/// Episodes, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The newest of them.
    pub episodes: Vec<ListedEpisode>,
    /// How many of them are here.
    pub shown: usize,
    /// How many there are.
    pub total: usize,
}

/// An episode of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedEpisode {
    /// Its row.
    #[serde(flatten)]
    pub row: EpisodeRow,
    /// Why it counts no more, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Void>,
}

/// One episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowRequest {
    /// Its id, or how it alone begins.
    pub episode: String,
}

/// One episode in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Its row.
    pub episode: EpisodeRow,
    /// The final state of its environment.
    pub state: Value,
    /// What happened, in order.
    pub entries: Vec<StepEntry>,
    /// The episodes that answered its calls.
    pub sub_agents: Vec<EpisodeRow>,
    /// Why it counts no more; `None`: it counts.
    pub void: Option<Void>,
}

/// What happened in a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepEntry {
    /// The step, from 0.
    pub step: u64,
    /// What happened.
    pub entry: Entry,
}

/// Says where ids are found, where none was.
pub(super) fn unknown(error: TraceError) -> Failure {
    match error {
        TraceError::NoEpisode { .. } | TraceError::Ambiguous { .. } => {
            Failure::input(error).hint("`harness trace list` shows the ids")
        }
        other => other.into(),
    }
}

/// The newest episodes.
///
/// # Errors
///
/// There is no record, it cannot be read, or it was cancelled.
pub fn list(app: &App, request: &ListRequest, control: &Control) -> Result<Listed, Failure> {
    let store = app.record_to_read()?;
    let mut rows = store.episodes(&Filter { void: true, ..request.which.filter() })?;
    control.check()?;
    let (total, mut marks) = (rows.len(), store.voids()?);
    let newest = rows.split_off(total.saturating_sub(request.limit));
    let episodes: Vec<ListedEpisode> =
        newest.into_iter().map(|row| ListedEpisode { void: marks.remove(&row.num), row }).collect();
    Ok(Listed { shown: episodes.len(), episodes, total })
}

/// One episode in full.
///
/// # Errors
///
/// There is no such episode, the record cannot be read, or it was cancelled.
pub fn show(app: &App, request: &ShowRequest, control: &Control) -> Result<Shown, Failure> {
    let store = app.record_to_read()?;
    let row = store.episode(&request.episode).map_err(unknown)?;
    looks::reading(app, &store, [(&row).into()], control)?;
    let mut entries = Vec::new();
    for entry in store.entries(&row)? {
        control.check()?;
        let (step, entry) = entry?;
        entries.push(StepEntry { step, entry });
    }
    let parent = Some(row.start.episode.clone());
    let sub_agents = store.episodes(&Filter { parent, void: true, ..Filter::default() })?;
    let void = store.voids()?.remove(&row.num);
    Ok(Shown { state: store.final_state(&row)?, episode: row, entries, sub_agents, void })
}
