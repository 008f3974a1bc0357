//! What the engine writes to and replays from: the one trait between a running episode and the record.

use crate::{CallKey, Entry, EpisodeEnd, EpisodeStart, StoredChat, StoredScores, TraceError};

/// Takes what happens in episodes and gives back model calls that were paid before.
///
/// Writing does not wait for the disk while its backlog is bounded; a failure to write surfaces at the next call and ends the run, because evidence
/// must not be lost silently.
pub trait Recorder: Send + Sync {
    /// An episode begins.
    ///
    /// # Errors
    ///
    /// It cannot be written; what is lost is never taken for recorded.
    fn begin(&self, start: EpisodeStart) -> Result<(), TraceError>;

    /// Entries of one step of an episode, in order.
    ///
    /// # Errors
    ///
    /// It cannot be written; what is lost is never taken for recorded.
    fn step(&self, episode: &str, step: u64, entries: Vec<Entry>) -> Result<(), TraceError>;

    /// An episode ends.
    ///
    /// # Errors
    ///
    /// It cannot be written; what is lost is never taken for recorded.
    fn end(&self, episode: &str, end: EpisodeEnd) -> Result<(), TraceError>;

    /// The reply recorded under `key`, if any.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    fn chat(&self, key: &CallKey) -> Result<Option<StoredChat>, TraceError>;

    /// Records a reply under `key`.
    ///
    /// # Errors
    ///
    /// It cannot be written; what is lost is never taken for recorded.
    fn put_chat(&self, key: CallKey, reply: StoredChat) -> Result<(), TraceError>;

    /// The scores recorded under `key`, if any.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    fn scores(&self, key: &CallKey) -> Result<Option<StoredScores>, TraceError>;

    /// Records scores under `key`.
    ///
    /// # Errors
    ///
    /// It cannot be written; what is lost is never taken for recorded.
    fn put_scores(&self, key: CallKey, scores: StoredScores) -> Result<(), TraceError>;

    /// Bytes kept outside messages.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, TraceError>;

    /// Keeps bytes outside messages; gives their BLAKE3 in hex.
    ///
    /// # Errors
    ///
    /// It cannot be written; what is lost is never taken for recorded.
    fn put_blob(&self, media_type: &str, bytes: &[u8]) -> Result<String, TraceError>;
}
