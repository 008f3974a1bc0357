//! Telling an episode to stop: a flag for those who poll and a wake-up for those who wait. It never undoes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// A token shared by whoever may stop an episode, the episode, and the modules working for it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stopped: AtomicBool,
    wake: Notify,
}

impl Cancel {
    /// A token nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells everyone to stop; again does nothing more.
    pub fn cancel(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.wake.notify_waiters();
    }

    /// Whether it was used.
    pub fn is_cancelled(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Waits until it is used.
    pub async fn cancelled(&self) {
        // Registered before the flag is read, so that a cancel between the two is not missed.
        let woken = self.0.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        if !self.is_cancelled() {
            woken.await;
        }
    }
}
