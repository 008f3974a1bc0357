//! A suite of one's own: begin one, make one of what was asked, check that it measures what it should, count what is in it.

mod check;
mod from_traces;
mod new;
mod stats;

use harness_bench::Benchmark;
pub use harness_bench::{Audit, Finding};
use serde::Serialize;

pub use self::{
    check::{Checked, check},
    from_traces::{FromTraces, FromTracesRequest, Redacted, from_traces},
    new::{Made, Marking, NewRequest, Table, columns, new},
    stats::{Counts, Stats, stats},
};

/// Groups of tasks in each split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Groups {
    /// Looked at and tuned on.
    pub explore: usize,
    /// Judged on.
    pub gate: usize,
    /// Kept for the end.
    pub sealed: usize,
}

impl Groups {
    pub(super) fn of(benchmark: &Benchmark) -> Self {
        let split = benchmark.split();
        Self { explore: split.explore.len(), gate: split.gate.len(), sealed: split.sealed.len() }
    }
}

/// The name of a suite that is given by its folder or its name.
///
/// # Errors
///
/// There is no such suite, or it cannot be read.
pub fn name_of(suite: &str) -> Result<String, crate::Failure> {
    Ok(harness_bench::Suite::named(suite)?.name)
}
