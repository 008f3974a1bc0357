//! Drops instances on a thread of its own, so that one that blocks holds up no call; and ends the process when one does.

use std::{
    sync::mpsc::{Sender, channel},
    time::Duration,
};

use super::shared::give_up;

/// Drops what it is given.
pub struct DropThread<T>(Sender<T>);

impl<T: Send + 'static> DropThread<T> {
    /// A thread that gives a drop so many milliseconds.
    pub fn new(millis: u64) -> Self {
        let (give, given) = channel::<T>();
        let (begin, begun) = channel::<()>();
        let (end, ended) = channel::<()>();
        std::thread::spawn(move || {
            for module in given {
                // The watch lives as long as the process.
                let _ = begin.send(());
                drop(module);
                let _ = end.send(());
            }
        });
        std::thread::spawn(move || {
            for () in begun {
                if ended.recv_timeout(Duration::from_millis(millis)).is_err() {
                    give_up(&format!("dropping a module took longer than {millis} ms"));
                }
            }
        });
        Self(give)
    }

    pub fn drop(&self, module: T) {
        // Its thread lives as long as the process.
        let _ = self.0.send(module);
    }
}
