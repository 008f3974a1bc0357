//! The one thread that writes: takes whatever waits, writes it in one transaction, and says so.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use rusqlite::{Connection, TransactionBehavior, params};

use crate::{
    EpisodeEnd, EpisodeStart, TraceError, encode,
    ledger::{Look, RunRecord},
    open::OpenEpisodes,
    pool::{Pool, lock},
    queue::{Batch, KeyMap, LedgerRow},
};

/// How long what was sent may wait for company: a transaction costs as much as a dozen steps.
const LINGER: Duration = Duration::from_millis(10);
/// So many bytes wait for nobody.
const FULL: usize = 8 << 20;
/// From so many waiting bytes on, senders wait too: memory is bounded.
const LIMIT: usize = 64 << 20;

/// What senders, readers and the writer share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// Wakes the writer.
    wake: Condvar,
    /// Wakes those who wait for the writer.
    done: Condvar,
}

/// Guarded by the lock of [`Shared`].
#[derive(Default)]
pub(crate) struct State {
    pub(crate) batch: Batch,
    /// Ids of episodes that have begun and not ended.
    pub(crate) running: HashSet<String>,
    /// Taken, not yet committed: readers still look here.
    pub(crate) writing: Option<Arc<Batch>>,
    /// Where each recorded call is; `None` until somebody asks.
    pub(crate) known: Option<KeyMap<i64>>,
    taken: u64,
    committed: u64,
    idle: bool,
    hurry: bool,
    closing: bool,
    failed: Option<String>,
}

impl Shared {
    /// Changes what waits; fails if the writer has.
    pub(crate) fn send<T>(&self, change: impl FnOnce(&mut State) -> Result<T, TraceError>) -> Result<T, TraceError> {
        let mut state = lock(&self.state);
        while state.batch.bytes() > LIMIT && state.failed.is_none() {
            self.hurry(&mut state);
            state = self.done.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if let Some(error) = &state.failed {
            return Err(TraceError::Writer(error.clone()));
        }
        let result = change(&mut state);
        if state.batch.bytes() > FULL {
            self.hurry(&mut state);
        } else if state.idle {
            state.idle = false;
            self.wake.notify_one();
        }
        result
    }

    fn hurry(&self, state: &mut State) {
        if !state.hurry {
            state.hurry = true;
            self.wake.notify_one();
        }
    }

    /// Waits until everything sent so far is committed; with `sync`, until it is on the disk.
    pub(crate) fn settle(&self, sync: bool) -> Result<(), TraceError> {
        let mut state = lock(&self.state);
        state.batch.sync |= sync;
        let target = state.taken + u64::from(!state.batch.is_empty());
        while state.committed < target {
            if let Some(error) = &state.failed {
                return Err(TraceError::Writer(error.clone()));
            }
            if state.taken < target {
                self.hurry(&mut state);
            }
            state = self.done.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        match &state.failed {
            Some(error) => Err(TraceError::Writer(error.clone())),
            None => Ok(()),
        }
    }

    /// Tells the writer to write what waits and stop.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closing = true;
        self.wake.notify_one();
    }

    /// The next batch; `None` when there will be none.
    fn take(&self) -> Option<Arc<Batch>> {
        let mut state = lock(&self.state);
        while state.batch.is_empty() && !state.closing {
            state.idle = true;
            state = self.wake.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        state.idle = false;
        if state.batch.is_empty() {
            return None;
        }
        let deadline = Instant::now() + LINGER;
        while !state.hurry && !state.closing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.wake.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        state.hurry = false;
        state.taken += 1;
        let batch = Arc::new(std::mem::take(&mut state.batch));
        state.writing = Some(batch.clone());
        Some(batch)
    }
}

/// Where the writer writes to.
pub(crate) enum Target {
    /// A connection of its own.
    Own(Connection),
    /// The pool's only one.
    Pool(Arc<Pool>),
}

/// Runs until the store is closed or a write fails.
pub(crate) fn run(shared: &Shared, mut target: Target) {
    let mut open = OpenEpisodes::default();
    while let Some(batch) = shared.take() {
        let result = match &mut target {
            Target::Own(db) => write(db, &mut open, &batch),
            Target::Pool(pool) => match &**pool {
                Pool::Memory(db) => write(&mut lock(db), &mut open, &batch),
                Pool::File { .. } => Err(TraceError::Writer("no connection to write to".to_owned())),
            },
        };
        let mut state = lock(&shared.state);
        let failed = match result {
            Ok(first_call) => {
                if let Some(known) = &mut state.known {
                    known.extend(batch.calls.iter().zip(first_call..).map(|((key, _), num)| (*key, num)));
                }
                state.writing = None;
                state.committed = state.taken;
                false
            }
            Err(error) => {
                state.failed = Some(error.to_string());
                true
            }
        };
        drop(state);
        shared.done.notify_all();
        if failed {
            return;
        }
    }
}

/// Writes a batch whole or not at all; gives the number of its first call.
fn write(db: &mut Connection, open: &mut OpenEpisodes, batch: &Batch) -> Result<i64, TraceError> {
    if batch.sync {
        db.pragma_update(None, "synchronous", "FULL")?;
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut first_call = 0;
    if !batch.calls.is_empty() {
        let mut insert = tx.prepare_cached("INSERT INTO calls(data) VALUES(?1)")?;
        let mut keys = Vec::with_capacity(32 * batch.calls.len());
        for (at, (key, _)) in batch.calls.iter().enumerate() {
            let num = insert.insert([batch.call_at(at)])?;
            if at == 0 {
                first_call = num;
            }
            keys.extend_from_slice(&key.0);
        }
        tx.prepare_cached("INSERT INTO call_keys(first, keys) VALUES(?1, ?2)")?.execute(params![first_call, keys])?;
    }
    for part in &batch.parts {
        if let Some(start) = &part.start {
            open.begin(&part.id, begin(&tx, start)?);
        }
        let num = open.number(&part.id)?;
        if !part.steps.is_empty() {
            let chunk = open.next_chunk(&part.id)?;
            tx.prepare_cached("INSERT INTO steps(at, data) VALUES(?1, ?2)")?.execute(params![chunk, part.steps])?;
        }
        for fault in &part.faults {
            tx.prepare_cached(
                "INSERT INTO faults(episode, step, hook, module, class, message) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                num,
                fault.step as i64,
                fault.hook,
                fault.module,
                fault.class,
                fault.message
            ])?;
        }
        if let Some(end) = &part.end {
            finish(&tx, num, end)?;
            open.end(&part.id);
        }
    }
    for blob in &batch.blobs {
        tx.prepare_cached("INSERT OR IGNORE INTO blobs(hash, media_type, bytes) VALUES(?1, ?2, ?3)")?
            .execute(params![blob.hash, blob.media_type, blob.bytes])?;
    }
    for row in &batch.ledger {
        ledger(&tx, row)?;
    }
    if batch.sync {
        // A transaction that changes nothing syncs nothing, not even what earlier ones left with the system.
        tx.execute("UPDATE syncs SET n = n + 1", [])?;
    }
    tx.commit()?;
    if batch.sync {
        db.pragma_update(None, "synchronous", "NORMAL")?;
    }
    Ok(first_call)
}

/// Numbers without sign keep their bits.
fn bits(number: u64) -> i64 {
    number.cast_signed()
}

fn begin(db: &Connection, start: &EpisodeStart) -> Result<i64, TraceError> {
    let mut insert = db.prepare_cached(
        "INSERT INTO episodes(id, run, harness, suite, split, task, grp, seed, simulated, started_ms)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    Ok(insert.insert(params![
        start.episode,
        start.run,
        start.harness,
        start.suite,
        start.split,
        start.task,
        start.group,
        bits(start.seed),
        start.simulated,
        bits(start.started_ms),
    ])?)
}

fn finish(db: &Connection, num: i64, end: &EpisodeEnd) -> Result<(), TraceError> {
    let state = if end.state.is_null() { None } else { Some(end.state.to_string()) };
    let (used, replayed) = (end.usage, end.replayed);
    db.prepare_cached(
        "UPDATE episodes SET outcome = ?2, reason = ?3, steps = ?4, micros = ?5, input_tokens = ?6, cached_tokens = ?7,
            output_tokens = ?8, cost_micros = ?9, replayed_input_tokens = ?10, replayed_cached_tokens = ?11,
            replayed_output_tokens = ?12, replayed_cost_micros = ?13, reward = ?14, judgement = ?15, state = ?16
         WHERE num = ?1",
    )?
    .execute(params![
        num,
        end.outcome.name(),
        end.reason,
        bits(end.steps),
        bits(end.micros),
        bits(used.input_tokens),
        bits(used.cached_tokens),
        bits(used.output_tokens),
        bits(used.cost_micros),
        bits(replayed.input_tokens),
        bits(replayed.cached_tokens),
        bits(replayed.output_tokens),
        bits(replayed.cost_micros),
        end.judgement.as_ref().map(|judgement| judgement.reward),
        end.judgement.as_ref().map(encode::judgement),
        state,
    ])?;
    Ok(())
}

fn ledger(db: &Connection, row: &LedgerRow) -> Result<(), TraceError> {
    match row {
        LedgerRow::Run(RunRecord { id, command, started_ms, suite, seed, config, lock }) => {
            // The same command again continues its run: the first record stands.
            db.prepare_cached(
                "INSERT OR IGNORE INTO runs(id, command, started_ms, suite, seed, config, lock)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                command,
                bits(*started_ms),
                suite,
                bits(*seed),
                config.to_string(),
                lock.to_string()
            ])?;
        }
        LedgerRow::Fact { run, kind, key, json } => {
            db.prepare_cached("INSERT INTO facts(run, kind, key, json) VALUES(?1, ?2, ?3, ?4)")?
                .execute(params![run, kind, key, json])?;
        }
        LedgerRow::Look(Look { run, suite, split, command, at_ms }) => {
            db.prepare_cached("INSERT INTO looks(run, suite, split, command, at_ms) VALUES(?1, ?2, ?3, ?4, ?5)")?
                .execute(params![run, suite, split, command, bits(*at_ms)])?;
        }
    }
    Ok(())
}
