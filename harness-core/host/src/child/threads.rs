//! The threads of a child as its host sees them, and the core they are held to. Waking a thread on another core costs an
//! interrupt if that core sleeps, and in a virtual machine tens of microseconds; on the caller's own core it is a switch. So the
//! thread that serves a caller's quick calls is held to the caller's core, which the caller leaves to it meanwhile. The host
//! does this, since a pack may not choose cores. Where the kernel does not allow it, a call is only slower.

use std::{
    fs::File,
    mem,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

/// A core, by the kernel's number.
pub type Core = u32;

/// A thread, by the kernel's number.
pub type Thread = libc::pid_t;

/// The core this thread runs on now.
pub fn current() -> Option<Core> {
    // SAFETY: asks for a number.
    Core::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// That a thread is held to a core, as long as nothing was freed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    core: Core,
    since: u64,
}

/// The threads of one child.
#[derive(Debug)]
pub struct Threads {
    /// Has a folder for each; as many links as that tell their number without reading it.
    folder: PathBuf,
    open: Option<File>,
    /// Where they may run.
    free: Option<Cores>,
    /// How many there were when somebody last looked.
    number: AtomicU64,
    /// How often all were freed.
    freed: AtomicU64,
}

impl Threads {
    /// Those of a process that was not waited for.
    pub fn of(process: u32) -> Self {
        let folder = PathBuf::from(format!("/proc/{process}/task"));
        let (open, free) = (File::open(&folder).ok(), Cores::of_this_thread());
        Self { folder, open, free, number: AtomicU64::new(0), freed: AtomicU64::new(0) }
    }

    /// Whether this is one of them.
    pub fn has(&self, thread: Thread) -> bool {
        self.folder.join(thread.to_string()).exists()
    }

    /// Holds a thread to a core, if it is not held there already.
    pub fn hold(&self, thread: Thread, core: Core, held: Option<Hold>) -> Option<Hold> {
        let hold = Hold { core, since: self.freed.load(Ordering::Relaxed) };
        if held == Some(hold) {
            return held;
        }
        // Without a way to notice what else it would bind, nothing is bound.
        self.open.as_ref().and(self.free)?;
        Cores::one(core)?.bind(thread).then_some(hold)
    }

    /// After a call of a thread that is held: a thread that came about meanwhile began where that one was held, and is freed.
    pub fn look(&self) {
        let number = self.open.as_ref().and_then(|folder| Some(folder.metadata().ok()?.nlink())).unwrap_or_default();
        if self.number.swap(number, Ordering::Relaxed) != number {
            self.free();
        }
    }

    /// Lets all of them run where this process may.
    pub fn free(&self) {
        self.freed.fetch_add(1, Ordering::Relaxed);
        let (Some(free), Ok(threads)) = (self.free, self.folder.read_dir()) else { return };
        // One that ended meanwhile needs nothing any more.
        threads.flatten().filter_map(|thread| thread.file_name().to_str()?.parse().ok()).for_each(|thread| {
            free.bind(thread);
        });
    }
}

/// A set of cores.
#[derive(Clone, Copy)]
struct Cores(libc::cpu_set_t);

impl std::fmt::Debug for Cores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SAFETY: a valid set.
        write!(f, "{} cores", unsafe { libc::CPU_COUNT(&self.0) })
    }
}

impl Cores {
    fn none() -> Self {
        // SAFETY: an empty set is all zeros.
        Self(unsafe { mem::zeroed() })
    }

    fn one(core: Core) -> Option<Self> {
        let mut cores = Self::none();
        if core as usize >= 8 * size_of_val(&cores.0) {
            return None;
        }
        // SAFETY: a valid set; the core lies within it.
        unsafe { libc::CPU_SET(core as usize, &mut cores.0) };
        Some(cores)
    }

    /// Where this thread may run.
    fn of_this_thread() -> Option<Self> {
        Self::of(0)
    }

    fn of(thread: Thread) -> Option<Self> {
        let mut cores = Self::none();
        // SAFETY: room for a set of the size given.
        (unsafe { libc::sched_getaffinity(thread, size_of_val(&cores.0), &raw mut cores.0) } == 0).then_some(cores)
    }

    fn bind(&self, thread: Thread) -> bool {
        // SAFETY: a valid set of the size given.
        unsafe { libc::sched_setaffinity(thread, size_of_val(&self.0), &raw const self.0) == 0 }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use std::sync::mpsc;

    use super::*;

    fn cores(thread: Thread) -> i32 {
        // SAFETY: a valid set.
        unsafe { libc::CPU_COUNT(&Cores::of(thread).unwrap().0) }
    }

    /// A thread that lives until the sender is dropped.
    fn thread() -> (Thread, mpsc::Sender<()>) {
        let ((tell, told), (keep, kept)) = (mpsc::channel(), mpsc::channel::<()>());
        std::thread::spawn(move || {
            // SAFETY: asks for a number.
            tell.send(unsafe { libc::gettid() }).unwrap();
            kept.recv()
        });
        (told.recv().unwrap(), keep)
    }

    #[test]
    fn a_thread_is_held_until_a_new_one_is_seen() {
        let all = cores(0);
        let core = current().unwrap();
        let threads = Threads::of(std::process::id());
        let (first, _first) = thread();
        assert!(threads.has(first) && !threads.has(1));
        threads.look();
        let held = threads.hold(first, core, None);
        assert_eq!((held.is_some(), cores(first)), (true, 1));
        assert_eq!(threads.hold(first, core, held), held, "held already");
        // More than may end meanwhile: other tests run in this process too.
        let _more: Vec<_> = (0..64).map(|_| thread()).collect();
        threads.look();
        assert_eq!(cores(first), all, "somebody new may have begun there");
        assert_ne!(threads.hold(first, core, held), held, "held anew");
        threads.free();
        assert_eq!((cores(first), cores(0)), (all, all));
        assert_eq!(threads.hold(first, Core::MAX, None), None);
    }
}
