//! Episodes as JSON Lines, for people and other programs. Each line stands alone and names its schema.
//!
//! Two kinds of line: `episode` (what [`EpisodeRow`] says and the final state), then an `entry` for each thing that
//! happened in it. A number JSON cannot hold (an infinite log-probability) is written as null.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;

use crate::{Entry, EpisodeRow, Filter, Store, TraceError};

/// The `schema` of every line. Fields are added under the same number; a change of meaning raises it.
pub const EXPORT_SCHEMA: u32 = 1;

#[derive(Serialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line<'a> {
    Episode {
        schema: u32,
        #[serde(flatten)]
        row: &'a EpisodeRow,
        state: Value,
    },
    Entry {
        schema: u32,
        episode: &'a str,
        num: i64,
        step: u64,
        entry: Entry,
    },
}

impl Store {
    /// Writes the episodes of a filter with all their entries, in the order they began; gives how many episodes.
    ///
    /// # Errors
    ///
    /// The record cannot be read, or `out` does not take what is written.
    pub fn export_jsonl(&self, filter: &Filter, out: impl Write) -> Result<u64, TraceError> {
        let rows = self.episodes(filter)?;
        self.export_rows(&rows, out)?;
        Ok(rows.len() as u64)
    }

    /// Writes these episodes with all their entries.
    ///
    /// # Errors
    ///
    /// The record cannot be read, or `out` does not take what is written.
    pub fn export_rows(&self, rows: &[EpisodeRow], mut out: impl Write) -> Result<(), TraceError> {
        let schema = EXPORT_SCHEMA;
        let mut write = |line: &Line<'_>| -> Result<(), TraceError> {
            serde_json::to_writer(&mut out, line).map_err(std::io::Error::from)?;
            Ok(out.write_all(b"\n")?)
        };
        for row in rows {
            write(&Line::Episode { schema, row, state: self.final_state(row)? })?;
            for entry in self.entries(row)? {
                let (step, entry) = entry?;
                write(&Line::Entry { schema, episode: &row.start.episode, num: row.num, step, entry })?;
            }
        }
        Ok(out.flush()?)
    }
}
