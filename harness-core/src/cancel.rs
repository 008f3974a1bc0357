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
    above: Option<Cancel>,
}

impl Cancel {
    /// A token nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token of its own, used as well when this one is; using it leaves this one alone.
    #[must_use]
    pub fn below(&self) -> Self {
        Self(Arc::new(Inner { above: Some(self.clone()), ..Inner::default() }))
    }

    /// Tells everyone to stop; again does nothing more.
    pub fn cancel(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.wake.notify_waiters();
    }

    /// Whether it was used.
    pub fn is_cancelled(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire) || self.0.above.as_ref().is_some_and(Self::is_cancelled)
    }

    /// Waits until it is used.
    pub async fn cancelled(&self) {
        let Some(above) = &self.0.above else { return self.used().await };
        tokio::select! {
            () = self.used() => {}
            () = Box::pin(above.cancelled()) => {}
        }
    }

    /// Waits until it is used itself.
    async fn used(&self) {
        // Registered before the flag is read, so that a cancel between the two is not missed.
        let woken = self.0.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        if !self.0.stopped.load(Ordering::Acquire) {
            woken.await;
        }
    }
}
