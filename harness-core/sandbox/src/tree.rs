//! What a supervisor's command has started: every process below it, and what they take. Refuses to guess by name or group: a
//! process is found by its parents.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// A process below this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub id: i32,
    /// Bytes of memory it holds.
    pub memory: u64,
    /// Bytes it and its ended children wrote to disk.
    pub written: u64,
}

/// All processes below this one, and what they take.
pub(crate) fn below() -> Vec<Process> {
    let mut all = Vec::new();
    walk(|id| all.push(measure(id)));
    all
}

/// Meets every process below this one, parents first.
pub(crate) fn walk(mut meet: impl FnMut(i32)) {
    let own = std::process::id().cast_signed();
    let listed = fs::exists(format!("/proc/{own}/task/{own}/children")).unwrap_or(false);
    let all = if listed { BTreeMap::new() } else { parents() };
    let (mut met, mut next) = (BTreeSet::from([own]), vec![own]);
    while let Some(parent) = next.pop() {
        let children = if listed { children(parent) } else { all.get(&parent).cloned().unwrap_or_default() };
        for child in children.into_iter().filter(|child| met.insert(*child)) {
            meet(child);
            next.push(child);
        }
    }
}

fn children(parent: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let listed = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    listed.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<i32>>()).collect()
}

/// Every process by its parent, for kernels that do not list children.
fn parents() -> BTreeMap<i32, Vec<i32>> {
    let mut all: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name stands in brackets and may hold anything; the state and the parent follow the last one.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            all.entry(parent).or_default().push(id);
        }
    }
    all
}

/// This process.
pub(crate) fn own() -> Process {
    measure(std::process::id().cast_signed())
}

fn measure(id: i32) -> Process {
    let pages = fs::read_to_string(format!("/proc/{id}/statm")).ok();
    let pages = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0);
    let io = fs::read_to_string(format!("/proc/{id}/io")).unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or(0);
    Process { id, memory: pages * rustix::param::page_size() as u64, written }
}
