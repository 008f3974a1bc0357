//! A few worker threads that share out the tasks of one parallel region after another.
//!
//! A forward pass has about two hundred regions of well under a millisecond; waking a sleeping thread
//! costs a tenth of one here, so workers stay awake between the regions of a [`Session`] (spinning, then
//! yielding) and sleep outside it. Tasks are claimed one by one: which thread does which is not
//! fixed, and nothing may depend on it.

use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Spins before a waiting thread yields the processor.
const SPINS: u32 = 4_000;

/// A region in progress, on the stack of the thread that runs it.
struct Region<'a> {
    work: &'a (dyn Fn(usize) + Sync),
    done: AtomicUsize,
}

struct Shared {
    /// epoch (32 bits) | number of tasks (16) | next task (16).
    claim: AtomicU64,
    region: AtomicPtr<Region<'static>>,
    panicked: AtomicUsize,
    /// Sessions open, and whether to quit.
    gate: Mutex<(usize, bool)>,
    opened: Condvar,
    awake: AtomicUsize,
}

/// The threads; the caller of [`Pool::run`] is one more.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<std::thread::JoinHandle<()>>,
    /// One region at a time.
    running: Mutex<()>,
}

/// Keeps the workers awake until dropped.
pub struct Session<'a>(&'a Shared);

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.0.gate.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
        self.0.awake.fetch_sub(1, Ordering::Release);
    }
}

impl Shared {
    /// Claims and does tasks until none is left of the present region. Returns whether any was done.
    fn help(&self) -> bool {
        let mut any = false;
        loop {
            let claim = self.claim.load(Ordering::Acquire);
            let (tasks, next) = ((claim >> 16) & 0xFFFF, claim & 0xFFFF);
            if next >= tasks {
                return any;
            }
            let region = self.region.load(Ordering::Acquire);
            if self.claim.compare_exchange_weak(claim, claim + 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                continue;
            }
            any = true;
            // SAFETY: the exchange succeeded, so the epoch did not change since the pointer was read and
            // the region still lacks this task: `run` keeps it alive until all its tasks are done.
            let region = unsafe { &*region };
            let task = std::panic::AssertUnwindSafe(|| (region.work)(next as usize));
            if std::panic::catch_unwind(task).is_err() {
                self.panicked.store(1, Ordering::Release);
            }
            region.done.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn worker(&self) {
        loop {
            {
                let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
                while gate.0 == 0 && !gate.1 {
                    gate = self.opened.wait(gate).unwrap_or_else(PoisonError::into_inner);
                }
                if gate.1 {
                    return;
                }
            }
            let mut idle = 0;
            while self.awake.load(Ordering::Acquire) > 0 {
                idle = if self.help() { 0 } else { idle + 1 };
                relax(idle);
            }
        }
    }
}

fn relax(idle: u32) {
    if idle < SPINS {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

impl Pool {
    /// `threads` in all, at least one.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            claim: AtomicU64::new(0),
            region: AtomicPtr::new(std::ptr::null_mut()),
            panicked: AtomicUsize::new(0),
            gate: Mutex::new((0, false)),
            opened: Condvar::new(),
            awake: AtomicUsize::new(0),
        });
        let spawn = |i| {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name(format!("gguf-{i}"));
            // A thread that cannot be had makes it slower, not wrong.
            builder.spawn(move || shared.worker()).ok()
        };
        let workers = (1..threads.max(1)).filter_map(spawn).collect();
        Self { shared, workers, running: Mutex::new(()) }
    }

    /// Threads in all.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Wakes the workers for a run of regions.
    pub fn session(&self) -> Session<'_> {
        self.shared.awake.fetch_add(1, Ordering::AcqRel);
        self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
        self.shared.opened.notify_all();
        Session(&self.shared)
    }

    /// Calls `work` with 0..tasks, each once, on all threads; returns when all are done.
    ///
    /// # Panics
    /// When `work` did, after all tasks ended.
    pub fn run(&self, tasks: usize, work: &(dyn Fn(usize) + Sync)) {
        if tasks <= 1 || self.workers.is_empty() || tasks > 0xFFFF {
            (0..tasks).for_each(work);
            return;
        }
        let _one = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let region = Region { work, done: AtomicUsize::new(0) };
        let address: *const Region<'_> = &raw const region;
        self.shared.region.store(address.cast_mut().cast(), Ordering::Release);
        let epoch = (self.shared.claim.load(Ordering::Relaxed) >> 32).wrapping_add(1) & 0xFFFF_FFFF;
        self.shared.claim.store((epoch << 32) | ((tasks as u64) << 16), Ordering::Release);
        self.shared.help();
        let mut idle = 0;
        while region.done.load(Ordering::Acquire) < tasks {
            idle += 1;
            relax(idle);
        }
        assert!(self.shared.panicked.swap(0, Ordering::AcqRel) == 0, "a task of a parallel region panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.shared.opened.notify_all();
        for worker in self.workers.drain(..) {
            // A worker's panic was reported by `run`.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_and_panics_come_home() {
        let pool = Pool::new(3);
        let _session = pool.session();
        for tasks in [0, 1, 2, 7, 100, 1000] {
            let counts: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            pool.run(tasks, &|i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
        }
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(8, &|i| assert!(i != 5));
        }));
        assert!(failed.is_err());
        pool.run(4, &|_| ());
    }
}
