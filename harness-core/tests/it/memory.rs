//! A record in memory, and a clock that counts how often it was asked.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use harness_core::Clock;
use harness_trace::{CallKey, Entry, EpisodeEnd, EpisodeStart, Recorder, StoredChat, StoredScores, TraceError};

/// Ten microseconds a look.
#[derive(Debug, Default)]
pub struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn micros(&self) -> u64 {
        self.0.fetch_add(10, Ordering::Relaxed)
    }

    fn unix_millis(&self) -> u64 {
        1
    }
}

#[derive(Default)]
pub struct Memory {
    pub starts: Mutex<Vec<EpisodeStart>>,
    pub steps: Mutex<Vec<(String, u64, Vec<Entry>)>>,
    pub ends: Mutex<Vec<EpisodeEnd>>,
    chats: Mutex<HashMap<CallKey, StoredChat>>,
    scores: Mutex<HashMap<CallKey, StoredScores>>,
    blobs: Mutex<HashMap<String, Vec<u8>>>,
    /// Fails at this step.
    full_at: Option<u64>,
}

impl Memory {
    /// A record that fails at this step.
    pub fn full_at(step: u64) -> Self {
        Self { full_at: Some(step), ..Self::default() }
    }

    /// All entries of an episode, in order, with their steps.
    pub fn entries(&self, episode: &str) -> Vec<(u64, Entry)> {
        let steps = self.steps.lock().unwrap();
        let of = steps.iter().filter(|(id, ..)| id == episode);
        of.flat_map(|(_, step, entries)| entries.iter().map(|entry| (*step, entry.clone()))).collect()
    }

    pub fn calls(&self) -> usize {
        self.chats.lock().unwrap().len() + self.scores.lock().unwrap().len()
    }
}

impl Recorder for Memory {
    fn begin(&self, start: EpisodeStart) -> Result<(), TraceError> {
        self.starts.lock().unwrap().push(start);
        Ok(())
    }

    fn step(&self, episode: &str, step: u64, entries: Vec<Entry>) -> Result<(), TraceError> {
        if self.full_at == Some(step) {
            return Err(TraceError::Writer("disk full".into()));
        }
        self.steps.lock().unwrap().push((episode.into(), step, entries));
        Ok(())
    }

    fn end(&self, _: &str, end: EpisodeEnd) -> Result<(), TraceError> {
        self.ends.lock().unwrap().push(end);
        Ok(())
    }

    fn chat(&self, key: &CallKey) -> Result<Option<StoredChat>, TraceError> {
        Ok(self.chats.lock().unwrap().get(key).cloned())
    }

    fn put_chat(&self, key: CallKey, reply: StoredChat) -> Result<(), TraceError> {
        self.chats.lock().unwrap().insert(key, reply);
        Ok(())
    }

    fn scores(&self, key: &CallKey) -> Result<Option<StoredScores>, TraceError> {
        Ok(self.scores.lock().unwrap().get(key).cloned())
    }

    fn put_scores(&self, key: CallKey, scores: StoredScores) -> Result<(), TraceError> {
        self.scores.lock().unwrap().insert(key, scores);
        Ok(())
    }

    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, TraceError> {
        Ok(self.blobs.lock().unwrap().get(hash).cloned())
    }

    fn put_blob(&self, _: &str, bytes: &[u8]) -> Result<String, TraceError> {
        let hash = format!("{}", bytes.len());
        self.blobs.lock().unwrap().insert(hash.clone(), bytes.to_vec());
        Ok(hash)
    }
}
