//! Where words stand in what was recorded.

use serde::{Deserialize, Serialize};

use super::{super::looks, App, Which};
use crate::{Control, Failure};

/// Words to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// The words, in any case.
    pub words: String,
    /// Where to look.
    #[serde(default)]
    pub which: Which,
    /// At most so many places.
    pub limit: usize,
}

/// Places, those in the newest episodes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The places.
    pub hits: Vec<Place>,
}

/// A place where words were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The episode.
    pub episode: String,
    /// The episode's number in the record.
    pub num: i64,
    /// The step; `None` where it is the task itself.
    pub step: Option<u64>,
    /// What kind of entry it is, as in the JSON export.
    pub kind: String,
    /// What stands there, from a little before the words to a little after.
    pub excerpt: String,
}

/// Looks for words in tasks, messages, decisions, calls and faults.
///
/// # Errors
///
/// There are no words, there is no record, it cannot be read, or it was cancelled.
pub fn search(app: &App, request: &SearchRequest, control: &Control) -> Result<Found, Failure> {
    if request.words.trim().is_empty() {
        return Err(Failure::input("there are no words to look for"));
    }
    let store = app.record_to_read()?;
    let hits = store.search(&request.which.filter(), &request.words, request.limit)?;
    control.check()?;
    looks::reading(app, &store, hits.iter().map(|hit| (&hit.episode).into()), control)?;
    let place = |hit: harness_trace::Hit| Place {
        episode: hit.episode.start.episode,
        num: hit.episode.num,
        step: hit.step,
        kind: hit.kind.to_owned(),
        excerpt: hit.excerpt,
    };
    Ok(Found { hits: hits.into_iter().map(place).collect() })
}
