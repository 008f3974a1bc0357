//! Drops instances on a thread of its own, so that one that blocks holds up no call; and ends the process when one does.

use std::{
    sync::mpsc::{Sender, channel},
    time::Duration,
};

use super::instances::Module;

/// Drops what it is given.
pub struct DropThread(Sender<Module>);

impl DropThread {
    /// A drop_thread that gives a drop so many milliseconds.
    pub fn new(millis: u64) -> Self {
        let (give, given) = channel::<Module>();
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
                    super::give_up(&format!("dropping a module took longer than {millis} ms"));
                }
            }
        });
        Self(give)
    }

    pub fn drop(&self, module: Module) {
        // Its thread lives as long as the process.
        let _ = self.0.send(module);
    }
}
