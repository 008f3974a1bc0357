//! What can go wrong with the record.

use std::path::PathBuf;

/// An error of the record.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be opened or created.
    #[error("cannot open the record {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file was written by a newer version.
    #[error("the record {path} has schema version {found}, this program knows up to {known}: use a newer `harness`")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// Reading or writing failed.
    #[error("the record failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What is stored does not parse.
    #[error("{what} in the record does not parse: {source}")]
    Corrupt {
        /// What.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The writer stopped; its own error came before.
    #[error("the record's writer stopped: {0}")]
    Writer(String),
}
