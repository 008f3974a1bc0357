//! How recorded episodes fail, by the exact tests of the failure categories, those of installed packs among them.

use harness_evolve::{Categories, Landscape, RecordDigest};
use harness_trace::Filter;
use serde::Serialize;

use super::{super::looks, App, Which};
use crate::{Control, Failure};

/// How episodes fail.
#[derive(Debug, Clone, Serialize)]
pub struct Digested {
    /// Episodes that were read.
    pub episodes: u64,
    /// Tasks that fail, by what their episodes have in common.
    pub landscape: Landscape,
}

/// Reads every episode, with as many readers as there are processors. Episodes that answered calls of others are not counted: their
/// whole is.
///
/// # Errors
///
/// There is no record, it cannot be read, or it was cancelled before it began.
pub fn digest(app: &App, request: &Which, control: &Control) -> Result<Digested, Failure> {
    let filter = Filter { parent: Some(String::new()), ..request.filter() };
    let store = app.record_to_read()?;
    let host = app.host()?;
    control.check()?;
    looks::reading(app, &store, store.recorded_groups(&filter)?, control)?;
    let categories = Categories::of(host.catalogue());
    let readers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut digest = RecordDigest::default();
    digest.extend(&store, &filter, &categories, readers)?;
    Ok(Digested { episodes: digest.episodes, landscape: digest.landscape() })
}
