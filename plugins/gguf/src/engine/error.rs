//! What can go wrong in the engine, by value: every variant says what was found and what to do.
//! Nothing here is recovered from silently.

use std::path::PathBuf;

/// Errors of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The weights could not be read from disk.
    #[error("cannot read {path}: {source}")]
    Io {
        /// File that was being read.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not a well-formed GGUF file.
    #[error("{path} is not a usable GGUF file: {what} (at byte {offset}); fetch it again or check its sha256")]
    Malformed {
        /// File that was being read.
        path: PathBuf,
        /// What was found.
        what: String,
        /// Byte offset of the finding.
        offset: u64,
    },
    /// A well-formed file that this engine does not run.
    #[error("unsupported model: {what}")]
    Unsupported {
        /// Key and value that are not supported, and what is.
        what: String,
    },
    /// The chat template of the file failed.
    #[error("chat template of the model failed: {0}")]
    Template(String),
    /// The sequence does not fit.
    #[error("{needed} tokens exceed the context of {limit}; shorten the messages or raise `context`")]
    ContextExceeded {
        /// Tokens asked for.
        needed: usize,
        /// Tokens available.
        limit: usize,
    },
    /// The key/value cache cannot hold one sequence.
    #[error(
        "one sequence needs more than the {pages} cache pages that `cache_mb` allows; raise `cache_mb` or lower `context`"
    )]
    CacheTooSmall {
        /// Pages the bound allows.
        pages: usize,
    },
    /// An option is out of range.
    #[error("{what}")]
    Invalid {
        /// Which option, its value and the range.
        what: String,
    },
    /// A JSON schema uses something the constraint compiler does not translate.
    #[error("output schema at `{at}`: {what}")]
    Schema {
        /// JSON pointer into the schema.
        at: String,
        /// Keyword or value and what is supported.
        what: String,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Result of the engine.
pub type Result<T> = std::result::Result<T, EngineError>;
