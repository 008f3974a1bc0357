//! Episodes that have begun and not ended: their number, and the number of their next chunk of steps.

use std::collections::HashMap;

use crate::{TraceError, schema::CHUNK_BITS};

/// The writer's own memory of what it is in the middle of.
#[derive(Default)]
pub(crate) struct OpenEpisodes(HashMap<String, Open>);

struct Open {
    num: i64,
    next_chunk: i64,
}

impl OpenEpisodes {
    pub(crate) fn begin(&mut self, id: &str, num: i64) {
        self.0.insert(id.to_owned(), Open { num, next_chunk: 0 });
    }

    /// The episode of this number ended; a later one of the same id may be open.
    pub(crate) fn end(&mut self, id: &str, num: i64) {
        if self.0.get(id).is_some_and(|open| open.num == num) {
            self.0.remove(id);
        }
    }

    /// The episode's number.
    pub(crate) fn number(&self, id: &str) -> Result<i64, TraceError> {
        self.0.get(id).map(|open| open.num).ok_or_else(|| TraceError::NoEpisode { id: id.to_owned() })
    }

    /// Where the episode's next chunk of steps goes.
    pub(crate) fn next_chunk(&mut self, id: &str) -> Result<i64, TraceError> {
        let open = self.0.get_mut(id).ok_or_else(|| TraceError::NoEpisode { id: id.to_owned() })?;
        let at = open.num << CHUNK_BITS | open.next_chunk;
        open.next_chunk += 1;
        Ok(at)
    }
}
