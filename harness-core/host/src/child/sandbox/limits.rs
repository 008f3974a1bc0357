//! Limits of a child: memory, files, no dumps. Processes are not counted here: starting one is a system call that is not
//! allowed, and threads are bounded by the memory their stacks take.

use std::io;

use super::Allowed;

/// Address space is bounded too, loosely: weights and data that are mapped and not copied take some of it.
const ROOM: u64 = 16;
/// Two descriptors a channel, and some for the pack.
const FILES: u64 = 4096;

pub fn set(memory: u64, allowed: Allowed) -> io::Result<()> {
    // Should memory run out all the same, the child goes first. A system that does not let it say so decides by itself.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    limit(libc::RLIMIT_DATA, memory)?;
    limit(libc::RLIMIT_AS, memory.saturating_mul(ROOM))?;
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_NOFILE, FILES)?;
    if !allowed.fs && !allowed.exec {
        limit(libc::RLIMIT_FSIZE, 0)?;
    }
    Ok(())
}

fn limit(resource: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    let mut present = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid place for the answer.
    if unsafe { libc::getrlimit(resource, &raw mut present) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let most = most.min(present.rlim_max);
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: a valid limit.
    match unsafe { libc::setrlimit(resource, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
