//! Who saw which tasks before: every way in which a harness plays tasks of a benchmark, or a person reads their episodes, is
//! counted in the record with the groups that were seen, and shown to whoever judges on these groups.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use harness_trace::{Look, LookKind, RecordedGroup, SeenGroup, Split, Store, TraceError};
pub use harness_trace::{Looks, Seen, SeenBy};
use serde::Serialize;

use crate::Benchmark;

/// What was seen of the groups of `benchmark` by others than `run` and its controls: harnesses that played them under any name of
/// suite, split and seed, prompts that say a task's own words, and episodes that were read.
///
/// # Errors
///
/// The record cannot be read.
pub fn before(store: &Store, benchmark: &Benchmark, run: &str) -> Result<Looks, TraceError> {
    let mut own: HashSet<String> = store.controls(run)?.into_iter().map(|control| control.id).collect();
    own.insert(run.to_owned());
    let groups: HashMap<u64, (SeenGroup, Split)> =
        benchmark.groups().map(|(group, split)| (group.digest, (group, split))).collect();
    let mut seen = BTreeMap::new();
    for split in [Split::Gate, Split::Sealed] {
        let of = groups.values().filter(|(_, own)| *own == split).count();
        seen.insert(split, (Seen { of, ..Seen::default() }, HashSet::new()));
    }
    let mut add = |split: Split, digests: BTreeSet<u64>, run: &str, kind, command: &str| {
        let Some((seen, all)) = seen.get_mut(&split) else { return };
        let (run, command) = (run.to_owned(), command.to_owned());
        seen.looks.push(SeenBy { run, kind, command, groups: digests.len() });
        all.extend(digests);
    };
    let of_split = |digests: &BTreeSet<u64>, wanted: Split| -> BTreeSet<u64> {
        digests.iter().copied().filter(|digest| groups.get(digest).is_some_and(|(_, split)| *split == wanted)).collect()
    };
    for look in store.looks(&benchmark.suite.name, &groups.keys().copied().collect())? {
        // A person who reads the run's own gate episodes has seen them, a run that plays them has not been seen to.
        if look.kind == LookKind::Played && own.contains(&look.run) {
            continue;
        }
        let digests: BTreeSet<u64> = look.groups.iter().map(|group| group.digest).collect();
        match (digests.is_empty(), look.split) {
            (true, Some(split)) => add(split, digests, &look.run, look.kind, &look.command),
            (true, None) => {}
            (false, _) => {
                for split in [Split::Gate, Split::Sealed] {
                    let some = of_split(&digests, split);
                    if !some.is_empty() {
                        add(split, some, &look.run, look.kind, &look.command);
                    }
                }
            }
        }
    }
    let asked = prompts(benchmark);
    for (run, prompt) in store.prompts()? {
        let Some(digests) = asked.get(&plain(&prompt)) else { continue };
        for split in [Split::Gate, Split::Sealed] {
            let some = of_split(digests, split);
            if !some.is_empty() {
                let command = store.run(&run)?.map(|run| run.command).unwrap_or_default();
                add(split, some, &run, LookKind::Played, &command);
            }
        }
    }
    let mut take = |split: Split| {
        let (mut seen, all) = seen.remove(&split).unwrap_or_default();
        seen.groups = all.len();
        seen
    };
    Ok(Looks { gate: take(Split::Gate), sealed: take(Split::Sealed) })
}

/// Words of a prompt, however they are laid out.
fn plain(prompt: &str) -> String {
    prompt.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The digests of the groups whose tasks ask something, by the words of the question.
fn prompts(benchmark: &Benchmark) -> HashMap<String, BTreeSet<u64>> {
    let mut all: HashMap<String, BTreeSet<u64>> = HashMap::new();
    for (id, prompt) in benchmark.prompts().filter(|(_, prompt)| !prompt.trim().is_empty()) {
        if let Some((group, _)) = benchmark.seen_group(id) {
            all.entry(plain(prompt)).or_default().insert(group.digest);
        }
    }
    all
}

/// What a prompt is in this benchmark: the split of the task that has its words, a sealed one before a gate one before an explore one.
pub fn of_prompt(benchmark: &Benchmark, prompt: &str) -> Option<Split> {
    let prompt = plain(prompt);
    let same = benchmark.prompts().filter(|(_, words)| plain(words) == prompt);
    same.filter_map(|(id, _)| benchmark.split_of(id)).max()
}

/// Episodes that were read, for whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ReadLook {
    /// Groups of gate tasks among them.
    pub gate: usize,
    /// Groups of sealed tasks among them.
    pub sealed: usize,
    /// Groups of which nobody knows what they were used for.
    pub unknown: usize,
    /// What is to be counted: of each run and split one look at all groups that were not read before.
    #[serde(skip)]
    pub fresh: Vec<Look>,
}

impl ReadLook {
    /// Counts it.
    ///
    /// # Errors
    ///
    /// The record cannot be written.
    pub fn count(&self, store: &Store) -> Result<(), TraceError> {
        self.fresh.iter().try_for_each(|look| store.log_look(look.clone()))
    }

    /// One line for a person; `None` where nothing of it is to be seen rarely.
    pub fn line(&self) -> Option<String> {
        let parts = [(self.gate, "gate"), (self.sealed, "sealed"), (self.unknown, "unknown")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        (!parts.is_empty()).then(|| {
            format!("counted as a look at {} groups; reports of runs that judge on them say so", parts.join(", "))
        })
    }
}

/// What it means that episodes of these groups are read: to be counted before they are shown ([`ReadLook::count`]). Explore groups
/// are counted, too: under another seed they are for the judge.
///
/// # Errors
///
/// The record cannot be read.
pub fn reading(
    store: &Store,
    groups: impl IntoIterator<Item = RecordedGroup>,
    command: &str,
    at_ms: u64,
) -> Result<ReadLook, TraceError> {
    let mut read = ReadLook::default();
    let mut by_run: BTreeMap<String, BTreeSet<RecordedGroup>> = BTreeMap::new();
    for group in groups.into_iter().filter(|group| !group.suite.is_empty()) {
        by_run.entry(group.run.clone()).or_default().insert(group);
    }
    for (run, groups) in by_run {
        let played = store.groups_seen(&run, LookKind::Played)?;
        let digests: HashMap<&str, u64> = played.iter().map(|group| (&*group.name, group.digest)).collect();
        let already = store.groups_seen(&run, LookKind::Read)?;
        let mut fresh: BTreeMap<(Option<Split>, String), BTreeSet<SeenGroup>> = BTreeMap::new();
        for RecordedGroup { suite, split, group, .. } in groups {
            match split {
                Some(Split::Gate) => read.gate += 1,
                Some(Split::Sealed) => read.sealed += 1,
                None => read.unknown += 1,
                Some(Split::Explore) => {}
            }
            match digests.get(&*group).map(|digest| SeenGroup { name: group.clone(), digest: *digest }) {
                Some(group) if already.contains(&group) => {}
                Some(group) => drop(fresh.entry((split, suite)).or_default().insert(group)),
                // Played by an earlier version: the look is known by the suite's name alone.
                None if split != Some(Split::Explore) => drop(fresh.entry((split, suite)).or_default()),
                None => {}
            }
        }
        for ((split, suite), groups) in fresh {
            let (data, command, groups) = (String::new(), command.to_owned(), groups.into_iter().collect());
            let kind = LookKind::Read;
            read.fresh.push(Look { run: run.clone(), suite, data, split, kind, command, at_ms, groups });
        }
    }
    Ok(read)
}
