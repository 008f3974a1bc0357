//! Names of runs: what tells one run from another, and which run a request goes on with.

use std::sync::atomic::{AtomicU64, Ordering};

/// An id that no other run of this program has: `KIND-` the time it began, the process, and a number where the process began others before.
pub(super) fn fresh(kind: &str, started_ms: u64) -> String {
    static BEFORE: AtomicU64 = AtomicU64::new(0);
    let id = format!("{kind}-{started_ms:x}-{:x}", std::process::id());
    match BEFORE.fetch_add(1, Ordering::Relaxed) {
        0 => id,
        before => format!("{id}-{before:x}"),
    }
}

/// An id that the same question always has: `KIND-` and a digest of the question.
pub(super) fn of_question(kind: &str, question: &str) -> String {
    format!("{kind}-{}", harness_bench::digest(question, 10))
}
