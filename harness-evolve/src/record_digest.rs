//! Digests of a whole record: page by page, each page by several readers, episode after episode without holding one. Refuses to
//! read what passed: there is nothing to find in it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness_trace::{EpisodeResult, EpisodeRow, Filter, Outcome, Store, TraceError};

use crate::categories::{Categories, passed};
use crate::digest::{EpisodeDigest, TaskDigest};
use crate::evaluator::JudgedOutcome;
use crate::landscape::Landscape;
use crate::reading::Reading;

/// Episodes of a page: the most whose digests are held before they are added up.
const PAGE: usize = 512;

/// What a record holds, task by task.
#[derive(Debug, Clone, Default)]
pub struct RecordDigest {
    /// Digests by task.
    pub tasks: BTreeMap<String, TaskDigest>,
    /// Episodes counted.
    pub episodes: u64,
    /// Number of the last episode looked at.
    upto: i64,
}

impl RecordDigest {
    /// Adds what a filter finds beyond the last episode looked at, with so many readers; gives how many episodes were added.
    /// What no harness is answerable for is left out, and what nobody graded: it is not known whether it failed. Episodes that had
    /// not ended when they were passed by stay uncounted.
    ///
    /// # Errors
    /// The record cannot be read. What was added until then stays.
    pub fn extend(
        &mut self,
        store: &Store,
        filter: &Filter,
        categories: &Categories,
        readers: usize,
    ) -> Result<u64, TraceError> {
        let filter = Filter { ended: true, ..filter.clone() };
        let before = self.episodes;
        loop {
            let rows = store.episodes_after(&filter, self.upto, PAGE)?;
            let Some(last) = rows.last() else { return Ok(self.episodes - before) };
            let upto = last.num;
            let page: Vec<(EpisodeResult, EpisodeRow)> =
                rows.into_iter().map(|row| (EpisodeResult::recorded(&row), row)).collect();
            for (k, read) in read_page(store, &page, categories, readers)? {
                let Some((played, _)) = page.get(k) else { continue };
                let digest = self.tasks.entry(played.rollout.task.clone()).or_insert_with(|| TaskDigest {
                    task: played.rollout.task.clone(),
                    group: played.group.clone(),
                    ..TaskDigest::default()
                });
                digest.add(&read);
                self.episodes += 1;
            }
            self.upto = upto;
        }
    }

    /// How it fails.
    pub fn landscape(&self) -> Landscape {
        Landscape::of(&self.tasks)
    }
}

/// The digests of a page with their places, in order, whoever read them.
fn read_page(
    store: &Store,
    page: &[(EpisodeResult, EpisodeRow)],
    categories: &Categories,
    readers: usize,
) -> Result<Vec<(usize, EpisodeDigest)>, TraceError> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, EpisodeDigest)>, TraceError> {
        let mut done = Vec::new();
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            let Some((played, row)) = page.get(k) else { return Ok(done) };
            let ungraded = played.outcome == Outcome::Done && played.reward.is_none();
            if played.is_measured() && !ungraded {
                done.push((k, read(store, row, played, categories)?));
            }
        }
    };
    let parts = std::thread::scope(|scope| {
        let others: Vec<_> = (1..readers).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        let died = |_| Err(TraceError::Writer("a reader of the record died".to_owned()));
        parts.extend(others.into_iter().map(|other| other.join().unwrap_or_else(died)));
        parts
    });
    let mut all = Vec::with_capacity(page.len());
    for part in parts {
        all.extend(part?);
    }
    all.sort_unstable_by_key(|(k, _)| *k);
    Ok(all)
}

fn read(
    store: &Store,
    row: &EpisodeRow,
    played: &EpisodeResult,
    categories: &Categories,
) -> Result<EpisodeDigest, TraceError> {
    let mut reading = Reading::new(categories, played.judged());
    if !passed(played.judged()) {
        for entry in store.entries(row)? {
            let (step, entry) = entry?;
            reading.enter(step, &entry);
        }
    }
    Ok(reading.digest(played))
}
