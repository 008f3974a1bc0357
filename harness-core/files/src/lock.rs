//! One process at a time: a lock on an open folder, which goes with its holder, however that ends.

use std::{
    io,
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// How long another holder is waited for. What is done under the lock takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// A folder that is held; dropping this lets it go.
#[derive(Debug)]
pub struct Held {
    _folder: OwnedFd,
}

pub(crate) fn hold(folder: OwnedFd, path: &Path) -> io::Result<Held> {
    let began = Instant::now();
    loop {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Held { _folder: folder }),
            Err(Errno::WOULDBLOCK | Errno::INTR) if began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => {
                let seconds = PATIENCE.as_secs();
                let held =
                    format!("another process has held {} for {seconds} s; try again when it is done", path.display());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, held));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
