//! What waits for the writer: encoded where it was made, so that the writer only copies bytes.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::{CallKey, EpisodeEnd, EpisodeStart, TraceError, encode, ledger::RunRecord, looks::Look};

/// Call keys are hashes already: their first bytes will do.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

/// A map from call keys.
pub(crate) type KeyMap<V> = HashMap<CallKey, V, BuildHasherDefault<KeyHasher>>;

/// What of one episode waits.
pub(crate) struct EpisodePart {
    pub(crate) id: String,
    pub(crate) start: Option<EpisodeStart>,
    /// A chunk as `encode` makes it; empty when there are no steps.
    pub(crate) steps: Vec<u8>,
    pub(crate) faults: Vec<FaultRow>,
    pub(crate) end: Option<EpisodeEnd>,
}

/// A fault, for its own table.
pub(crate) struct FaultRow {
    pub(crate) step: u64,
    pub(crate) hook: Option<&'static str>,
    pub(crate) module: String,
    pub(crate) class: String,
    pub(crate) message: String,
}

/// Bytes kept outside messages.
pub(crate) struct Blob {
    pub(crate) hash: [u8; 32],
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// A row of one of the ledger's tables.
pub(crate) enum LedgerRow {
    Run(RunRecord),
    Fact { run: String, kind: String, key: String, json: String },
    Look(Look),
    Void { calls: Vec<i64>, episodes: Vec<i64>, at_ms: u64, why: String },
}

/// Everything one transaction will write.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) parts: Vec<EpisodePart>,
    by_id: HashMap<String, usize>,
    pub(crate) calls: Vec<(CallKey, usize)>,
    pub(crate) call_bytes: Vec<u8>,
    by_key: KeyMap<usize>,
    pub(crate) blobs: Vec<Blob>,
    pub(crate) ledger: Vec<LedgerRow>,
    /// Whether it has to be on the disk, not only with the operating system.
    pub(crate) sync: bool,
    other_bytes: usize,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.calls.is_empty() && self.blobs.is_empty() && self.ledger.is_empty() && !self.sync
    }

    /// Roughly what it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.other_bytes + self.call_bytes.len()
    }

    /// Whether something of this running episode waits here.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    fn part(&mut self, id: &str) -> &mut EpisodePart {
        let at = match self.by_id.get(id) {
            Some(at) => *at,
            None => self.open(id.to_owned(), None),
        };
        &mut self.parts[at]
    }

    fn open(&mut self, id: String, start: Option<EpisodeStart>) -> usize {
        let at = self.parts.len();
        self.by_id.insert(id.clone(), at);
        self.parts.push(EpisodePart { id, start, steps: Vec::new(), faults: Vec::new(), end: None });
        at
    }

    pub(crate) fn begin(&mut self, start: EpisodeStart) {
        self.other_bytes += 512;
        self.open(start.episode.clone(), Some(start));
    }

    pub(crate) fn step(&mut self, id: &str, step: u64, entries: &[crate::Entry]) -> Result<(), TraceError> {
        let part = self.part(id);
        if part.steps.is_empty() {
            part.steps.push(encode::CODEC);
        }
        let before = part.steps.len();
        encode::step(&mut part.steps, step, entries)?;
        for entry in entries {
            if let crate::Entry::Fault { hook, module, class, message } = entry {
                part.faults.push(FaultRow {
                    step,
                    hook: hook.map(|hook| hook.name()),
                    module: module.clone(),
                    class: class.clone(),
                    message: message.clone(),
                });
            }
        }
        let grown = part.steps.len() - before;
        self.other_bytes += grown;
        Ok(())
    }

    pub(crate) fn end(&mut self, id: &str, end: EpisodeEnd) {
        self.part(id).end = Some(end);
        self.other_bytes += 512;
        // A later episode of the same id is another one.
        self.by_id.remove(id);
    }

    pub(crate) fn call(
        &mut self,
        key: CallKey,
        put: impl FnOnce(&mut Vec<u8>) -> Result<(), TraceError>,
    ) -> Result<(), TraceError> {
        let before = self.call_bytes.len();
        if let Err(error) = put(&mut self.call_bytes) {
            self.call_bytes.truncate(before);
            return Err(error);
        }
        self.by_key.insert(key, self.calls.len());
        self.calls.push((key, self.call_bytes.len()));
        Ok(())
    }

    /// The bytes of call `at`.
    pub(crate) fn call_at(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.calls[before].1);
        &self.call_bytes[start..self.calls[at].1]
    }

    pub(crate) fn find_call(&self, key: &CallKey) -> Option<&[u8]> {
        self.by_key.get(key).map(|at| self.call_at(*at))
    }

    pub(crate) fn find_blob(&self, hash: &[u8; 32]) -> Option<&[u8]> {
        self.blobs.iter().find(|blob| blob.hash == *hash).map(|blob| blob.bytes.as_slice())
    }

    pub(crate) fn blob(&mut self, blob: Blob) {
        self.other_bytes += blob.bytes.len();
        self.blobs.push(blob);
    }
}
