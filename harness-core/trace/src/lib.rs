//! The record: episodes, steps, model calls, rewards, decisions and rounds in one SQLite file.
//!
//! Append-only; every older schema version stays readable; everything else is derived from it.

mod access;
mod chain;
mod codec;
mod decode;
mod encode;
mod entry;
mod error;
mod export;
mod key;
mod ledger;
mod looks;
mod open;
mod outcomes;
mod pool;
mod queue;
mod recorder;
mod result;
mod runs;
mod schema;
mod search;
mod split;
mod statistics;
mod steps;
mod store;
mod transaction;
mod voids;
mod writer;

pub use chain::ChainCheck;
pub use entry::*;
pub use error::TraceError;
pub use export::{
    ATIF, Collector, CollectorError, EXPORT_SCHEMA, Encoding, ModelName, ModelNames, OTEL_SCHEMA, OtlpRequest, OtlpSpan,
};
pub use key::CallKey;
pub use ledger::{Fact, RunRecord};
pub use looks::{Look, LookKind, Looks, RecordedGroup, Seen, SeenBy, SeenGroup};
pub use outcomes::{EpisodeRow, Filter};
pub use recorder::Recorder;
pub use result::{EpisodeResult, Rollout};
pub use runs::RunKind;
pub use schema::SCHEMA;
pub use search::Hit;
pub use split::{ClosedTrace, EpisodeSplit, ExploreTrace, Split};
pub use statistics::{CallKind, CallStatistics, FaultCount};
pub use steps::{Entries, History};
pub use store::Store;
pub use voids::{Doubted, Void, Voided};
