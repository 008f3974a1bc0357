//! Marks calls and episodes that do not count any more. Nothing is taken out of the record.

use harness_core::{Clock, SystemClock};
use harness_trace::{Doubted, Filter, Voided};
use serde::{Deserialize, Serialize};

use super::{App, Which, unknown};
use crate::{Control, Failure};

/// What does not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VoidRequest {
    /// Episodes by their ids or how they alone begin, calls by how their keys alone begin.
    pub names: Vec<String>,
    /// Episodes for which all of this holds; where nothing is said and there are names, these are enough.
    pub which: Which,
    /// Only calls that this model answered: its name in the harness. Empty: of all.
    pub model: String,
    /// Why, for whoever reads the record later.
    pub why: String,
}

/// Marks them: later runs ask again, and no result counts them.
///
/// # Errors
///
/// There is no record, a name is of nothing in it, it cannot be written, or it was cancelled.
pub fn void(app: &App, request: &VoidRequest, control: &Control) -> Result<Voided, Failure> {
    // A record that is not there is not made.
    drop(app.record_to_read()?);
    control.check()?;
    let VoidRequest { names, which, model, why } = request.clone();
    let filter = which.filter();
    // Names are enough; a filter beside them adds its episodes.
    let filter = (filter != Filter::default() || names.is_empty()).then_some(filter);
    app.record()?.void(&Doubted { names, filter, model }, &why, SystemClock.unix_millis()).map_err(unknown)
}
