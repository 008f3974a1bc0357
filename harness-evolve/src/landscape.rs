//! What fails, how often, and what was tried against it. Refuses outcomes of the gate: of those it knows one bit per
//! candidate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::categories::Category;
use crate::digest::{Anchor, TaskDigest};

/// Explore tasks that fail in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// How.
    pub category: Category,
    /// Which, sorted.
    pub tasks: Vec<String>,
    /// Share of all explore tasks.
    pub share: f64,
    /// How many of them did better in the round before.
    pub regressed: usize,
    /// Where it shows: a few places.
    pub anchors: Vec<Anchor>,
    /// Modules implicated, most often first.
    pub modules: Vec<String>,
    /// What somebody who read some of the traces says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The explore tasks as the stages see them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Landscape {
    /// Tasks digested.
    pub tasks: usize,
    /// Tasks that pass on every seed.
    pub passed: usize,
    /// Clusters of the others by primary category: regressions first, then the largest.
    pub clusters: Vec<Cluster>,
}

/// Places kept of a cluster.
const ANCHORS: usize = 3;

impl Landscape {
    /// Sorts digests into clusters.
    pub fn of(digests: &BTreeMap<String, TaskDigest>) -> Self {
        let mut by_category: BTreeMap<Category, Vec<&TaskDigest>> = BTreeMap::new();
        for digest in digests.values() {
            if let Some(category) = &digest.category {
                by_category.entry(category.clone()).or_default().push(digest);
            }
        }
        let mut clusters: Vec<Cluster> =
            by_category.into_iter().map(|(category, failed)| cluster(category, &failed, digests.len())).collect();
        clusters
            .sort_by_key(|c| (std::cmp::Reverse(c.regressed), std::cmp::Reverse(c.tasks.len()), c.category.clone()));
        let passed = digests.values().filter(|digest| digest.passes()).count();
        Self { tasks: digests.len(), passed, clusters }
    }

    /// The cluster of a category.
    pub fn cluster(&self, category: &Category) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.category == *category)
    }
}

fn cluster(category: Category, failed: &[&TaskDigest], of: usize) -> Cluster {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for module in failed.iter().flat_map(|digest| &digest.modules) {
        *count.entry(module).or_default() += 1;
    }
    let mut modules: Vec<(&str, usize)> = count.into_iter().collect();
    modules.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let notes = failed.iter().filter(|digest| !digest.note.is_empty());
    Cluster {
        category,
        notes: notes.map(|digest| digest.note.clone()).take(ANCHORS).collect(),
        tasks: failed.iter().map(|digest| digest.task.clone()).collect(),
        share: failed.len() as f64 / of.max(1) as f64,
        regressed: failed.iter().filter(|digest| digest.regressed()).count(),
        anchors: failed.iter().filter_map(|digest| digest.anchors.first().cloned()).take(ANCHORS).collect(),
        modules: modules.into_iter().map(|(module, _)| module.to_owned()).collect(),
    }
}

/// Gains and disappointments of a module against a category.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Trials {
    /// Pseudo-count of gains.
    pub gains: f64,
    /// Pseudo-count of disappointments.
    pub losses: f64,
}

/// Beta posteriors by module and category, from a flat prior. A ship counts one gain, a candidate that met the judge and
/// did not ship one loss, a screen lost half a loss.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Posterior(pub BTreeMap<String, BTreeMap<String, Trials>>);

impl Posterior {
    /// What was seen of a module against a category.
    pub fn trials(&self, module: &str, category: &str) -> Trials {
        self.0.get(module).and_then(|by| by.get(category)).copied().unwrap_or_default()
    }

    /// Mean of Beta(1 + gains, 1 + losses).
    pub fn mean(&self, module: &str, category: &str) -> f64 {
        let trials = self.trials(module, category);
        (1.0 + trials.gains) / (2.0 + trials.gains + trials.losses)
    }

    /// Whether a module was ever tried.
    pub fn tried(&self, module: &str) -> bool {
        self.0.contains_key(module)
    }

    /// Adds what another posterior counted, at a weight.
    pub fn add(&mut self, other: &Self, weight: f64) {
        for (module, by_category) in &other.0 {
            for (category, trials) in by_category {
                self.count(module, category, trials.gains * weight, trials.losses * weight);
            }
        }
    }

    /// Counts a trial.
    pub fn count(&mut self, module: &str, category: &str, gains: f64, losses: f64) {
        let trials = self.0.entry(module.to_owned()).or_default().entry(category.to_owned()).or_default();
        trials.gains += gains;
        trials.losses += losses;
    }
}
