//! The one thread that writes: takes whatever waits, writes it in one transaction, and says so.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};

use crate::{
    TraceError,
    open::OpenEpisodes,
    pool::{Pool, lock},
    queue::{Batch, KeyMap},
    transaction::write,
};

/// How long what was sent may wait for company: a transaction costs as much as a dozen steps.
const LINGER: Duration = Duration::from_millis(10);
/// So many bytes wait for nobody.
const FULL: usize = 8 << 20;
/// From so many waiting bytes on, senders wait too: memory is bounded.
const LIMIT: usize = 64 << 20;

/// Between two attempts to write what could not be written.
const RETRY: Duration = Duration::from_millis(500);

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
    /// Where each recorded call is: those written since the record was opened, and, once somebody has asked for one, all.
    pub(crate) known: KeyMap<i64>,
    /// Nothing may be written.
    pub(crate) read_only: bool,
    taken: u64,
    committed: u64,
    idle: bool,
    hurry: bool,
    closing: bool,
    /// Why the last attempt to write failed.
    pub(crate) failed: Option<String>,
}

impl Shared {
    /// Changes what waits; fails if the writer has.
    pub(crate) fn send<T>(&self, change: impl FnOnce(&mut State) -> Result<T, TraceError>) -> Result<T, TraceError> {
        let mut state = lock(&self.state);
        while state.batch.bytes() > LIMIT && state.failed.is_none() {
            self.hurry(&mut state);
            state = self.done.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if state.read_only {
            return Err(TraceError::ReadOnly);
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
    pub(crate) fn flush(&self, sync: bool) -> Result<(), TraceError> {
        let mut state = lock(&self.state);
        if state.read_only {
            // Nothing was sent.
            return Ok(());
        }
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

    /// Says that writing failed, and waits until it may be tried again; false when there is no time for that.
    fn fail(&self, error: &TraceError) -> bool {
        let mut state = lock(&self.state);
        let closing = state.closing;
        state.failed = Some(error.to_string());
        self.done.notify_all();
        if closing || !passes(error) {
            return false;
        }
        let waits = |state: &mut State| !state.closing;
        let waited = self.wake.wait_timeout_while(state, RETRY, waits);
        // On the way out it is tried a last time.
        drop(waited.unwrap_or_else(std::sync::PoisonError::into_inner));
        true
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

/// Tells everybody who waits when the writer is gone, even if it panicked.
struct Farewell<'a>(&'a Shared);

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).failed.get_or_insert_with(|| "it has ended".to_owned());
        self.0.done.notify_all();
    }
}

/// Runs until the store is closed or a write fails for good.
pub(crate) fn run(shared: &Shared, mut target: Target) {
    let _farewell = Farewell(shared);
    let mut open = OpenEpisodes::default();
    while let Some(batch) = shared.take() {
        let first_call = loop {
            let result = match &mut target {
                Target::Own(db) => write(db, &mut open, &batch),
                Target::Pool(pool) => match &**pool {
                    Pool::Memory(db) => write(&mut lock(db), &mut open, &batch),
                    Pool::File { .. } => Err(TraceError::Writer("no connection to write to".to_owned())),
                },
            };
            match result {
                Ok(first_call) => break first_call,
                Err(error) if shared.fail(&error) => {}
                Err(_) => return,
            }
        };
        let mut state = lock(&shared.state);
        state.known.extend(batch.calls.iter().zip(first_call..).map(|((key, _), num)| (*key, num)));
        state.writing = None;
        state.committed = state.taken;
        state.failed = None;
        drop(state);
        shared.done.notify_all();
    }
}

/// Whether the cause of an error may pass by itself or by what a person does meanwhile: a full disk, another process that holds
/// the file. The transaction was rolled back, so it can be written again whole.
fn passes(error: &TraceError) -> bool {
    let TraceError::Sqlite(error) = error else { return false };
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
        )
    )
}
