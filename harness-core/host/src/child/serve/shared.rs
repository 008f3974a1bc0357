//! What all of the child's side shares: a channel behind a lock, and how the process is left.

use std::sync::{Arc, Mutex, PoisonError};

use crate::child::{channel::Channel, process::GAVE_UP};

/// A channel that a call's context, its sinks and its answer share.
pub type SharedChannel = Arc<Mutex<Channel>>;

pub fn locked(channel: &SharedChannel) -> std::sync::MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves at once: neither the pack's destructors nor its threads are asked.
pub fn leave() -> ! {
    // SAFETY: ends the process; nothing of it is used afterwards.
    unsafe { libc::_exit(0) }
}

/// Leaves and says why.
pub fn give_up(why: &str) -> ! {
    // The host may have stopped listening.
    harness_terminal::stream::note(why);
    // SAFETY: ends the process; nothing of it is used afterwards.
    unsafe { libc::_exit(GAVE_UP) }
}
