//! The mark of an error whose cause lies in another episode: the process of an instance ended in somebody else's call. The engine does
//! not count such an error against the harness, so a pack must not be able to make one.
//!
//! An error crosses the plugin ABI as data, which any pack can write. So the mark is a random number of which this module keeps a list: who
//! has not been told it cannot guess it, and it counts once, so that a pack that was shown the error of another cannot use it again.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use harness_abi::ModuleError;

/// Marks that are remembered; older ones no longer count.
const MOST: usize = 4096;

static MADE: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

fn made() -> std::sync::MutexGuard<'static, VecDeque<String>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks an error.
pub(super) fn mark(error: &mut ModuleError) {
    // Each `RandomState` has keys of its own from the system's source of randomness.
    let [high, low] = [0, 1].map(|half: u8| RandomState::new().hash_one(half));
    let mark = format!("lost:{high:016x}{low:016x}");
    error.extra = mark.as_str().into();
    let mut made = made();
    if made.len() == MOST {
        made.pop_front();
    }
    made.push_back(mark);
}

/// Whether an error bears a mark that counts; the mark goes on counting.
pub(super) fn is_marked(error: &ModuleError) -> bool {
    !error.extra.is_empty() && made().iter().any(|mark| mark.as_str() == error.extra.as_str())
}

/// Whether a module failed only because its process ended in a call of another episode: that says nothing of the harness. Only the host's
/// proxies of children make such errors, and each is recognised once.
pub fn is_lost(error: &ModuleError) -> bool {
    if error.extra.is_empty() {
        return false;
    }
    let mut made = made();
    let place = made.iter().position(|mark| mark.as_str() == error.extra.as_str());
    place.and_then(|place| made.remove(place)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_cannot_be_made_by_others_and_counts_once() {
        let mut error = ModuleError::fault("its process ended");
        for forged in ["{\"lost\":true}", "lost:", "lost:00000000000000000000000000000000", ""] {
            error.extra = forged.into();
            assert!(!is_lost(&error), "{forged}");
        }
        mark(&mut error);
        let seen = error.clone();
        assert!(is_marked(&error) && is_lost(&error));
        assert!(!is_lost(&seen), "who was shown it cannot use it again");
        let (mut one, mut other) = (error.clone(), error);
        mark(&mut one);
        mark(&mut other);
        assert!(one.extra != other.extra && is_lost(&other) && is_lost(&one));
    }
}
