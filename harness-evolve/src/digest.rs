//! From traces to one digest per task: outcome, category, implicated modules, anchors, history. Refuses to keep a trace:
//! entries are read once, episode by episode, and no episode twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::categories::{Category, Shown};

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
    /// What somebody who read the trace says of it; empty where nobody did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Shares of passes in earlier rounds, oldest first.
    pub history: Vec<f64>,
}

/// Places kept of a task: what is said of it must not grow with the record.
const ANCHORS: usize = 32;

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

    /// Adds an episode of this task.
    pub fn add(&mut self, read: &EpisodeDigest) {
        self.plays += 1;
        self.passes += u32::from(read.passed);
        self.steps = self.steps.max(read.steps);
        self.category = self.category.take().or_else(|| read.shown.first().map(|(category, _)| category.clone()));
        for (category, step) in &read.shown {
            self.categories.insert(category.clone());
            if self.anchors.len() < ANCHORS {
                self.anchors.push(Anchor { episode: read.episode.clone(), step: *step });
            }
        }
        self.modules.extend(read.modules.iter().cloned());
    }
}

/// What is kept of an episode that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeDigest {
    /// The episode.
    pub episode: String,
    /// Whether it passed.
    pub passed: bool,
    /// Its steps.
    pub steps: u64,
    /// The categories that hold, the most specific first; none for a pass.
    pub shown: Vec<Shown>,
    /// Modules that failed, or decided something at a step where a category shows.
    pub modules: BTreeSet<String>,
}

/// What a second look at a failing task found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The task.
    pub task: String,
    /// The one of the categories that hold which matters most; `None`: as the tests rank them.
    pub category: Option<Category>,
    /// One or two sentences.
    pub text: String,
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

/// Takes notes into the digests they are about. A category that does not hold is nobody's to choose.
pub(crate) fn note(digests: &mut BTreeMap<String, TaskDigest>, notes: Vec<Note>) {
    for note in notes {
        let Some(digest) = digests.get_mut(&note.task) else { continue };
        digest.note = note.text;
        if let Some(category) = note.category.filter(|category| digest.categories.contains(category)) {
            digest.category = Some(category);
        }
    }
}
