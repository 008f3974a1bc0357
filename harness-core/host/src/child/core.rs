//! The two threads of a call on one core. Waking a thread on another core costs an interrupt if that core sleeps, and in a
//! virtual machine tens of microseconds; on the caller's own core it is a switch. The caller only waits meanwhile, so nothing
//! that could run beside it is lost. Refuses nothing: where the kernel does not let it, a call is only slower.

use std::mem;

/// A core, by the kernel's number.
pub type Core = u32;

/// The core this thread runs on now.
pub fn current() -> Option<Core> {
    // SAFETY: asks for a number.
    Core::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// This thread bound to one core; free again, as it was, when dropped.
#[derive(Debug)]
pub struct Held {
    free: Cores,
}

/// A set of cores as the kernel takes it.
type Cores = libc::cpu_set_t;

impl Held {
    /// Binds this thread to `core`. `None`: it stays as it is.
    pub fn on(core: Core) -> Option<Self> {
        // SAFETY: an empty set is all zeros.
        let (mut free, mut one): (Cores, Cores) = unsafe { (mem::zeroed(), mem::zeroed()) };
        if core as usize >= 8 * size_of::<Cores>() {
            return None;
        }
        // SAFETY: a valid set of the size given, of this thread; the core lies within it.
        unsafe {
            if libc::sched_getaffinity(0, size_of::<Cores>(), &raw mut free) != 0 {
                return None;
            }
            libc::CPU_SET(core as usize, &mut one);
        }
        set(&one).then_some(Self { free })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A set the kernel gave a moment ago; should a core of it be gone since, the thread stays where it is.
        let _ = set(&self.free);
    }
}

fn set(cores: &Cores) -> bool {
    // SAFETY: a valid set of the size given, of this thread.
    unsafe { libc::sched_setaffinity(0, size_of::<Cores>(), cores) == 0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    fn cores() -> i32 {
        // SAFETY: an empty set is all zeros; a valid set of the size given.
        unsafe {
            let mut set: Cores = mem::zeroed();
            assert_eq!(libc::sched_getaffinity(0, size_of::<Cores>(), &raw mut set), 0);
            libc::CPU_COUNT(&set)
        }
    }

    #[test]
    fn a_held_thread_is_free_again_afterwards() {
        let before = cores();
        let core = current().unwrap();
        let held = Held::on(core).unwrap();
        assert_eq!((cores(), current()), (1, Some(core)));
        drop(held);
        assert_eq!(cores(), before);
        assert!(Held::on(Core::MAX).is_none());
        assert_eq!(cores(), before);
    }
}
