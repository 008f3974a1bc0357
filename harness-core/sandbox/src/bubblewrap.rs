//! The command line of bubblewrap: an empty root, the system read-only, the workspace, a private `/tmp`, nobody else's
//! processes, no network.

use std::{ffi::OsString, os::fd::AsRawFd, os::fd::OwnedFd, path::Path};

use rustix::fs::{MemfdFlags, memfd_create};
use seccompiler::BpfProgram;

use crate::{Job, places};

/// The arguments for `job`; the files of `filters` are named in them by number.
pub(crate) fn arguments(job: &Job, filters: &[OwnedFd]) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |parts: &[&dyn AsRef<std::ffi::OsStr>]| all.extend(parts.iter().map(|part| part.as_ref().to_owned()));
    add(&[&"--unshare-all", &"--die-with-parent", &"--new-session", &"--cap-drop", &"ALL", &"--hostname", &"sandbox"]);
    if job.network {
        add(&[&"--share-net"]);
    }
    for filter in filters {
        add(&[&"--add-seccomp-fd", &filter.as_raw_fd().to_string()]);
    }
    for place in places::PROGRAMS {
        match Path::new(place).read_link() {
            Ok(target) => add(&[&"--symlink", &target, place]),
            Err(_) => add(&[&"--ro-bind-try", place, place]),
        }
    }
    let resolving = if job.network { places::RESOLVING } else { &[] };
    for place in places::SETTINGS.iter().chain(resolving) {
        add(&[&"--ro-bind-try", place, place]);
    }
    // What lies there takes memory.
    let room = job.limits.file.min(job.limits.memory).to_string();
    add(&[&"--proc", &"/proc", &"--dev", &"/dev"]);
    add(&[&"--size", &room, &"--tmpfs", &"/dev/shm", &"--size", &room, &"--tmpfs", &"/tmp"]);
    for mount in &job.mounts {
        add(&[if mount.write { &"--bind" } else { &"--ro-bind" }, &mount.from, &mount.to]);
    }
    let home = job.home();
    add(&[&"--bind", &job.workspace, home]);
    let writable = job.mounts.iter().filter(|mount| mount.write).map(|mount| (&mount.from, &mount.to));
    for (from, to) in writable.chain([(&job.workspace, home)]) {
        let [ways, hidden, fixed] = job.own.relative(from);
        for way in ways {
            add(&[&"--bind", &from.join(&way), &to.join(&way)]);
        }
        for place in hidden {
            add(&[&"--size", &"4096", &"--tmpfs", &to.join(place)]);
        }
        for place in fixed {
            add(&[&"--ro-bind", &from.join(&place), &to.join(&place)]);
        }
    }
    // The root and the devices are file systems in memory without a size, and everything there is made by now.
    add(&[&"--remount-ro", &"/dev", &"--remount-ro", &"/"]);
    add(&[&"--chdir", home, &"--"]);
    all.extend(job.argv.iter().map(OsString::from));
    all
}

/// A filter as a file that outlives `exec`.
pub(crate) fn file(filter: &BpfProgram) -> std::io::Result<OwnedFd> {
    let mut bytes = Vec::with_capacity(filter.len() * 8);
    for step in filter {
        bytes.extend(step.code.to_ne_bytes());
        bytes.extend([step.jt, step.jf]);
        bytes.extend(step.k.to_ne_bytes());
    }
    let file = memfd_create("filter", MemfdFlags::empty())?;
    let mut rest = &*bytes;
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    Ok(file)
}
