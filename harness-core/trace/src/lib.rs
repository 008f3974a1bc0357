//! The record: episodes, steps, model calls, rewards, decisions and rounds in one SQLite file.
//!
//! Append-only; every older schema version stays readable; everything else is derived from it.

mod entry;
mod error;
mod key;
mod recorder;

pub use entry::*;
pub use error::TraceError;
pub use key::CallKey;
pub use recorder::Recorder;
