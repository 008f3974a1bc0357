//! Files in memory: what a command keeps in memory that the figures of none of its processes show. Files without a name (`memfd`, what was
//! removed while open), the file systems in memory that a box has of its own, and folders of the command that lie on one of the machine's.
//! Refuses to count what takes no memory: files on disks.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{statfs, statvfs};

use crate::{Job, tree::Process};

/// What the kernel calls a file system in memory.
const TMPFS: u64 = 0x0102_1994;
/// Where a box has file systems in memory of its own, as paths below its root.
const OWN: [&str; 2] = ["tmp", "dev/shm"];

/// What of a command may lie in memory.
pub(crate) struct InMemory {
    /// Folders it writes to that lie on a file system in memory, and how much was in them before.
    folders: Vec<(PathBuf, u64)>,
    /// File systems that are the machine's and not the box's.
    others: Vec<u64>,
}

impl InMemory {
    /// Looks at what is there before a command begins.
    pub(crate) fn before(job: &Job, scratch: &Path) -> Self {
        let writable = job.mounts.iter().filter(|mount| mount.write).map(|mount| mount.from.as_path());
        let folders = writable.chain([scratch, &job.workspace]).filter(|folder| is_in_memory(folder));
        let others = OWN.iter().filter_map(|place| device(&Path::new("/").join(place)));
        Self { folders: folders.map(|folder| (folder.to_owned(), held_by(folder))).collect(), others: others.collect() }
    }

    /// Bytes that the processes of the command keep in memory this way.
    pub(crate) fn bytes(&self, processes: &[Process]) -> u64 {
        let grown = self.folders.iter().map(|(folder, before)| held_by(folder).saturating_sub(*before));
        let mut files = BTreeMap::new();
        let mut systems = BTreeMap::new();
        for process in processes {
            nameless(process.id, &mut files);
            for place in OWN.map(|place| PathBuf::from(format!("/proc/{}/root/{place}", process.id))) {
                let Some(device) = device(&place).filter(|device| !self.others.contains(device)) else { continue };
                systems.entry(device).or_insert_with(|| used(&place));
            }
        }
        // What lies on one of the box's own is counted with it.
        let files = files.iter().filter(|((device, _), _)| !systems.contains_key(device)).map(|(_, bytes)| bytes);
        grown.sum::<u64>() + files.sum::<u64>() + systems.values().sum::<u64>()
    }
}

/// The open files of a process that have no name and lie in memory, by what tells files apart.
fn nameless(process: i32, files: &mut BTreeMap<(u64, u64), u64>) {
    for entry in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
        let place = entry.path();
        let Ok(named) = fs::read_link(&place) else { continue };
        let named = named.as_os_str().as_encoded_bytes();
        if !named.ends_with(b" (deleted)") && !named.starts_with(b"/memfd:") {
            continue;
        }
        if let Ok(file) = fs::metadata(&place)
            && file.is_file()
            && is_in_memory(&place)
        {
            files.insert((file.dev(), file.ino()), file.blocks() * 512);
        }
    }
}

fn device(place: &Path) -> Option<u64> {
    fs::metadata(place).ok().map(|found| found.dev())
}

fn is_in_memory(place: &Path) -> bool {
    statfs(place).is_ok_and(|found| u64::try_from(found.f_type) == Ok(TMPFS))
}

fn used(place: &Path) -> u64 {
    statvfs(place).map_or(0, |found| found.f_blocks.saturating_sub(found.f_bfree) * found.f_frsize)
}

/// Bytes of the files in a folder and below, through no link.
fn held_by(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            bytes += found.blocks() * 512;
            if found.is_dir() {
                next.push(entry.path());
            }
        }
    }
    bytes
}
