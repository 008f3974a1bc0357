//! From traces to one digest per task: outcome, category, implicated modules, anchors, history. Refuses to keep a trace:
//! entries are read once, episode by episode.

use std::collections::{BTreeMap, BTreeSet};

use harness_trace::Entry;
use serde::{Deserialize, Serialize};

use crate::arena::Played;
use crate::categories::{Category, classify, passed};

/// A place in the record that shows something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Anchor {
    /// The episode.
    pub episode: String,
    /// The step.
    pub step: u64,
}

/// One task in one round, over its seeds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskDigest {
    /// The task.
    pub task: String,
    /// Its group.
    pub group: String,
    /// Episodes played.
    pub plays: u32,
    /// Episodes that passed.
    pub passes: u32,
    /// Most steps of an episode.
    pub steps: u64,
    /// The primary category of the first failure.
    pub category: Option<Category>,
    /// Every category that holds in some episode.
    pub categories: BTreeSet<Category>,
    /// Modules that failed, or decided something at a step where a category shows.
    pub modules: BTreeSet<String>,
    /// Where the categories show.
    pub anchors: Vec<Anchor>,
    /// Shares of passes in earlier rounds, oldest first.
    pub history: Vec<f64>,
}

impl TaskDigest {
    /// Share of episodes that passed.
    pub fn rate(&self) -> f64 {
        if self.plays == 0 { 0.0 } else { f64::from(self.passes) / f64::from(self.plays) }
    }

    /// Whether every episode passed.
    pub fn passes(&self) -> bool {
        self.plays > 0 && self.passes == self.plays
    }

    /// Whether it passes on some seeds only.
    pub fn wavers(&self) -> bool {
        self.passes > 0 && self.passes < self.plays
    }

    /// Whether it did better in the round before.
    pub fn regressed(&self) -> bool {
        self.history.last().is_some_and(|before| *before > self.rate())
    }
}

/// Reads traces.
pub trait Digester: Send + Sync {
    /// Adds an episode to the digest of its task.
    fn read(&self, digest: &mut TaskDigest, played: &Played, entries: &[(u64, Entry)]);
}

/// The digester that needs no model: categories by their tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceDigester;

impl Digester for TraceDigester {
    fn read(&self, digest: &mut TaskDigest, played: &Played, entries: &[(u64, Entry)]) {
        digest.plays += 1;
        digest.passes += u32::from(passed(played.outcome));
        digest.steps = digest.steps.max(played.steps);
        let shown = classify(played, entries);
        digest.category = digest.category.or(shown.first().map(|(category, _)| *category));
        for (category, step) in &shown {
            digest.categories.insert(*category);
            digest.anchors.push(Anchor { episode: played.episode.clone(), step: *step });
        }
        for (step, entry) in entries {
            match entry {
                Entry::Fault { module, .. } => {
                    digest.modules.insert(module.clone());
                }
                Entry::Decided { module, .. } if shown.iter().any(|(_, at)| at == step) => {
                    digest.modules.insert(module.clone());
                }
                _ => {}
            }
        }
    }
}

/// Modules that decided something in an episode: what an edit of them could have changed.
pub fn active_modules(entries: &[(u64, Entry)]) -> BTreeSet<String> {
    let decided = entries.iter().filter_map(|(_, entry)| match entry {
        Entry::Decided { module, .. } => Some(module.clone()),
        _ => None,
    });
    decided.collect()
}

/// Digests by task, with what was known of each in the round before.
pub(crate) fn inherit(digests: &mut BTreeMap<String, TaskDigest>, before: &BTreeMap<String, TaskDigest>) {
    for (task, digest) in digests {
        if let Some(old) = before.get(task) {
            digest.history.clone_from(&old.history);
            digest.history.push(old.rate());
        }
    }
}
