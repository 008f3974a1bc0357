//! What was tried in a run and what came of it: one bit per candidate, and predictions scored on explore tasks. From it
//! come the rest a disappointing direction takes, and the signs that a bucket is worn out. Refuses anything of the gate
//! beyond that bit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::candidate::{Candidate, Manifest};
use crate::categories::Category;
use crate::digest::TaskDigest;

/// A candidate that was tried, and whether it shipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The round.
    pub round: u32,
    /// Its edit, for a person.
    pub edit: String,
    /// The directions it came from, by their keys.
    pub directions: Vec<String>,
    /// The modules it was about.
    pub modules: Vec<String>,
    /// The failures it was meant for.
    pub category: Option<Category>,
    /// Whether it shipped.
    pub shipped: bool,
}

/// How many of the predicted tasks did as predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hits {
    /// Tasks that did.
    pub hits: usize,
    /// Tasks predicted.
    pub predicted: usize,
}

impl Hits {
    /// The share of hits; `None` where nothing was predicted.
    pub fn rate(self) -> Option<f64> {
        (self.predicted > 0).then(|| self.hits as f64 / self.predicted as f64)
    }

    fn plus(self, other: Self) -> Self {
        Self { hits: self.hits + other.hits, predicted: self.predicted + other.predicted }
    }
}

/// What became of the predictions of a shipped edit, on the explore tasks of the next round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// The round it shipped in.
    pub round: u32,
    /// The bucket it was meant for.
    pub category: Option<Category>,
    /// Its modules.
    pub modules: Vec<String>,
    /// Tasks it said it would unlock: those that pass.
    pub unlock: Hits,
    /// Wavering tasks it said it would stabilize: those that pass on every seed.
    pub stabilize: Hits,
    /// Tasks it said were at risk: those that no longer pass.
    pub at_risk: Hits,
}

impl Predictions {
    /// Scores a manifest against the digests of the next round. Tasks that were not played again count as misses.
    pub fn score(round: u32, manifest: &Manifest, digests: &BTreeMap<String, TaskDigest>) -> Self {
        let count = |tasks: &[String], hit: fn(&TaskDigest) -> bool| Hits {
            hits: tasks.iter().filter(|task| digests.get(*task).is_some_and(hit)).count(),
            predicted: tasks.len(),
        };
        Self {
            round,
            category: manifest.category.clone(),
            modules: manifest.modules.clone(),
            unlock: count(&manifest.unlock, TaskDigest::passes),
            stabilize: count(&manifest.stabilize, TaskDigest::passes),
            at_risk: count(&manifest.at_risk, |digest| !digest.passes()),
        }
    }
}

/// A bucket that was shipped for again and again while its predictions came true less and less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worn {
    /// Ships meant for it.
    pub ships: usize,
    /// Hit rate of the one before the last.
    pub before: f64,
    /// Hit rate of the last.
    pub now: f64,
}

/// Hit rates below this are worth nothing more.
const WORN: f64 = 1.0 / 3.0;

/// What was tried in this run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    /// Every candidate whose fate is decided, in order.
    pub trials: Vec<Trial>,
    /// Scored predictions of ships, in order.
    pub predictions: Vec<Predictions>,
}

impl History {
    /// Notes the fate of a candidate.
    pub(crate) fn note(&mut self, round: u32, candidate: &Candidate, shipped: bool) {
        let manifest = &candidate.manifest;
        self.trials.push(Trial {
            round,
            edit: candidate.edit.to_string(),
            directions: manifest.directions.clone(),
            modules: manifest.modules.clone(),
            category: manifest.category.clone(),
            shipped,
        });
    }

    /// Whether a module was tried in this run.
    pub fn tried(&self, module: &str) -> bool {
        self.trials.iter().any(|trial| trial.modules.iter().any(|tried| tried == module))
    }

    /// Whether a direction rests in `round`: after its n-th disappointment in a row for n times `cooldown` rounds.
    pub fn rests(&self, direction: &str, round: u32, cooldown: u32) -> bool {
        let of_it = self.trials.iter().rev().filter(|trial| trial.directions.iter().any(|key| key == direction));
        // Several values of one direction in one round are one disappointment.
        let mut rounds: Vec<u32> = of_it.take_while(|trial| !trial.shipped).map(|trial| trial.round).collect();
        rounds.dedup();
        let rest = cooldown.saturating_mul(u32::try_from(rounds.len()).unwrap_or(u32::MAX));
        rounds.first().is_some_and(|last| round <= last.saturating_add(rest))
    }

    /// How often the predictions of ships for a bucket came true.
    pub fn hits_of_bucket(&self, category: &Category) -> Hits {
        let of_it = self.predictions.iter().filter(|scored| scored.category.as_ref() == Some(category));
        of_it.fold(Hits::default(), |sum, scored| sum.plus(scored.unlock))
    }

    /// How often the predictions of ships with a module came true.
    pub fn hits_of_module(&self, module: &str) -> Hits {
        let of_it = self.predictions.iter().filter(|scored| scored.modules.iter().any(|own| own == module));
        of_it.fold(Hits::default(), |sum, scored| sum.plus(scored.unlock))
    }

    /// Whether a bucket is worn out: two ships and more were meant for it, the last one's predictions came true less
    /// often than those of the one before, and in less than a third of the tasks.
    pub fn worn(&self, category: &Category) -> Option<Worn> {
        let of_it = self.predictions.iter().filter(|scored| scored.category.as_ref() == Some(category));
        let rates: Vec<f64> = of_it.filter_map(|scored| scored.unlock.rate()).collect();
        match rates.as_slice() {
            [.., before, now] if now < before && *now < WORN => {
                Some(Worn { ships: rates.len(), before: *before, now: *now })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(round: u32, direction: &str, shipped: bool) -> Trial {
        Trial {
            round,
            edit: String::new(),
            directions: vec![direction.to_owned()],
            modules: Vec::new(),
            category: None,
            shipped,
        }
    }

    #[test]
    fn a_direction_rests_longer_each_time() {
        let mut history = History::default();
        let rests = |history: &History| (1..8).filter(|round| history.rests("d", *round, 1)).collect::<Vec<_>>();
        assert!(rests(&history).is_empty());
        history.trials = vec![trial(1, "d", false), trial(1, "d", false)];
        assert_eq!(rests(&history), [1, 2]);
        history.trials.push(trial(3, "d", false));
        assert_eq!(rests(&history), [1, 2, 3, 4, 5]);
        history.trials.push(trial(6, "d", true));
        assert!(rests(&history).is_empty());
        assert!(!history.rests("another", 2, 1));
    }

    #[test]
    fn a_bucket_is_worn_when_its_hit_rate_falls_to_little() {
        let scored = |hits| Predictions {
            round: 1,
            category: Some(Category::ToolError),
            modules: vec!["a/b".to_owned()],
            unlock: Hits { hits, predicted: 10 },
            stabilize: Hits::default(),
            at_risk: Hits::default(),
        };
        let worn = |all: &[usize]| {
            let history = History { predictions: all.iter().map(|hits| scored(*hits)).collect(), ..History::default() };
            history.worn(&Category::ToolError).map(|worn| worn.ships)
        };
        assert_eq!(worn(&[1]), None, "one ship proves nothing");
        assert_eq!(worn(&[9, 5]), None, "half is worth having");
        assert_eq!(worn(&[1, 3]), None, "it rises");
        assert_eq!(worn(&[9, 2]), Some(2));
        assert_eq!(worn(&[2, 9, 1]), Some(3));
        let history = History { predictions: vec![scored(9), scored(2)], ..History::default() };
        assert_eq!(history.worn(&Category::NoProgress), None);
        assert_eq!(history.hits_of_bucket(&Category::ToolError), Hits { hits: 11, predicted: 20 });
        assert_eq!(history.hits_of_module("a/b").rate(), Some(0.55));
        assert_eq!(history.hits_of_module("a/c").rate(), None);
    }
}
