//! What can go wrong with the record.

use std::path::PathBuf;

use harness_abi::Role;

use crate::ClosedTrace;

/// An error of the record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    /// The file is an SQLite database of something else.
    #[error("{path} is a database, but not a record: name another file")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was opened for reading and is to be written.
    #[error("the record was opened for reading only")]
    ReadOnly,
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
    /// What is stored breaks off or holds what no version writes.
    #[error("{what} in the record is damaged: {why}")]
    Damaged {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// A message has a part of a kind newer than this version, which cannot be kept whole.
    #[error("a {role:?} message (id {id:?}) has a part of a kind newer than this program: use a newer `harness`")]
    NewerPart {
        /// The message's role.
        role: Role,
        /// The message's id.
        id: String,
    },
    /// No episode has this id, or none that begins so.
    #[error("no episode {id:?} in the record")]
    NoEpisode {
        /// What was asked for.
        id: String,
    },
    /// Several episodes' ids begin so.
    #[error("{prefix:?} begins the ids of several episodes ({}): write more of it", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// The first few that fit.
        candidates: Vec<String>,
    },
    /// The trace is not one to learn from.
    #[error(transparent)]
    Closed(#[from] ClosedTrace),
    /// The writer stopped; its own error came before.
    #[error("the record's writer stopped: {0}")]
    Writer(String),
    /// An export could not be written.
    #[error("cannot write the export: {0}")]
    Export(#[from] std::io::Error),
}
