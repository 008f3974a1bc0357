//! What happened in an episode, read in order, a chunk at a time; and the conversation it amounts to.

use std::{collections::VecDeque, sync::Arc};

use harness_abi::Message;
use rusqlite::OptionalExtension;

use crate::{Entry, EpisodeRow, Store, TraceError, decode, pool::Pool, schema::CHUNK_BITS};

/// Entries of an episode in order, each with its step. Holds one chunk in memory.
pub struct Entries {
    pool: Arc<Pool>,
    next: i64,
    after: i64,
    ready: VecDeque<(u64, Entry)>,
}

impl Entries {
    fn chunk(&mut self) -> Result<bool, TraceError> {
        let (from, after) = (self.next, self.after);
        let found = self.pool.read(|db| {
            let mut statement =
                db.prepare_cached("SELECT at, data FROM steps WHERE at >= ?1 AND at < ?2 ORDER BY at LIMIT 1")?;
            Ok(statement
                .query_row([from, after], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
                .optional()?)
        })?;
        let Some((at, data)) = found else { return Ok(false) };
        self.next = at + 1;
        let ready = &mut self.ready;
        decode::chunk(&data, |step, entry| ready.push_back((step, entry)))?;
        Ok(true)
    }
}

impl Iterator for Entries {
    type Item = Result<(u64, Entry), TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            match self.chunk() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // What follows damage cannot be trusted to be what comes next.
                    self.next = self.after;
                    self.ready.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The conversation of an episode: a fold over its entries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The system prompt; empty when none was set.
    pub system: String,
    /// The messages.
    pub messages: Vec<Message>,
}

impl History {
    /// Takes in what happened next; fails on an edit of messages that are not there.
    ///
    /// # Errors
    ///
    /// The entry edits messages that are not there.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), TraceError> {
        match entry {
            Entry::Message { message } => self.messages.push(message.clone()),
            Entry::System { text } => text.clone_into(&mut self.system),
            Entry::Edited { start, end, with } => {
                let range = usize::try_from(*start).ok().zip(usize::try_from(*end).ok());
                let Some((start, end)) = range.filter(|(start, end)| start <= end && *end <= self.messages.len())
                else {
                    return Err(TraceError::Damaged {
                        what: "an edit of a history".to_owned(),
                        why: format!("messages {start}..{end} of {}", self.messages.len()),
                    });
                };
                self.messages.splice(start..end, with.iter().cloned());
            }
            _ => {}
        }
        Ok(())
    }
}

impl Store {
    /// What happened in an episode, in order, each entry with its step.
    ///
    /// # Errors
    ///
    /// The record cannot be read, or what it says of the episode does not fit together.
    pub fn entries(&self, episode: &EpisodeRow) -> Result<Entries, TraceError> {
        self.shared.flush(false)?;
        Ok(Entries {
            pool: self.pool.clone(),
            next: episode.num << CHUNK_BITS,
            after: (episode.num + 1) << CHUNK_BITS,
            ready: VecDeque::new(),
        })
    }

    /// The conversation as it stood when the episode ended.
    ///
    /// # Errors
    ///
    /// The record cannot be read, or what it says of the episode does not fit together.
    pub fn history(&self, episode: &EpisodeRow) -> Result<History, TraceError> {
        let mut history = History::default();
        for entry in self.entries(episode)? {
            history.apply(&entry?.1)?;
        }
        Ok(history)
    }
}
