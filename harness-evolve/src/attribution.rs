//! What each shipped edit is worth in the harness that came of all of them, and which of them work on one another.
//! Arithmetic over scores; estimates on explore tasks, which fed the stages, so none of it is a proof. Refuses to prune:
//! that takes a test.

use std::collections::BTreeMap;

use evolve_gate::Certificate;
use evolve_gate::interval::{Interval, difference_interval};
use serde::{Deserialize, Serialize};

/// One shipped edit, left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Its place among the ships, from 0.
    pub ship: usize,
    /// Its edit, for a person.
    pub edit: String,
    /// With all edits − without this one, in success; `None`: the others rest on it and it cannot be left out alone.
    pub worth: Option<Interval>,
}

impl Share {
    /// Whether leaving it out costs nothing on any task seen.
    pub fn carries_nothing(&self) -> bool {
        self.worth.is_some_and(|worth| worth.mean <= 0.0)
    }
}

/// Two shipped edits that are not worth together what they are worth one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// Their places among the ships.
    pub ships: (usize, usize),
    /// All − without the first − without the second + without both: above 0 they help one another, below 0 they do the
    /// same work twice.
    pub excess: Interval,
}

/// What became of the edits that carry nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pruning {
    /// Their places among the ships.
    pub ships: Vec<usize>,
    /// The test of non-inferiority, if there were groups and level left for one.
    pub certificate: Option<Certificate>,
    /// Whether the result does without them.
    pub pruned: bool,
    /// Why, or why not.
    pub reason: String,
}

/// Attribution of a variant's edits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    /// The variant.
    pub variant: String,
    /// Its edits, in the order they shipped.
    pub shares: Vec<Share>,
    /// Pairs whose excess is not 0.
    pub interactions: Vec<Interaction>,
    /// Rollouts it took, and model calls' tokens of them that were not in the record.
    pub cost: (u64, u64),
    /// What was pruned.
    pub pruning: Option<Pruning>,
}

/// Scores by (group, task).
pub(crate) type Scores = BTreeMap<(String, String), f64>;

const LEVEL: f64 = 0.95;
const RESAMPLES: usize = 10_000;

/// Σ of weighted scores, task by task, over tasks that every side has.
pub(crate) fn contrast(seed: u64, sides: &[(f64, &Scores)]) -> Option<Interval> {
    let (_, first) = sides.first()?;
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for key in first.keys() {
        let values = sides.iter().map(|(weight, scores)| Some(weight * scores.get(key)?));
        if let Some(sum) = values.sum::<Option<f64>>() {
            // An excess of four scores lies in [−2, 2]; halves keep it where intervals are made for.
            groups.entry(&key.0).or_default().push(sum.clamp(-1.0, 1.0));
        }
    }
    difference_interval(seed, &groups.into_values().collect::<Vec<_>>(), LEVEL, RESAMPLES)
}

/// The excess of a pair, from the scores with all, without either and without both.
pub(crate) fn excess(seed: u64, all: &Scores, a: &Scores, b: &Scores, both: &Scores) -> Option<Interval> {
    contrast(seed, &[(1.0, all), (-1.0, a), (-1.0, b), (1.0, both)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(values: &[f64]) -> Scores {
        values.iter().enumerate().map(|(n, value)| ((format!("g{n}"), format!("t{n}")), *value)).collect()
    }

    #[test]
    fn two_edits_that_do_the_same_work_have_a_negative_excess() {
        // Either is enough: neither is missed alone, both are together.
        let (all, none) = (scores(&[1.0; 20]), scores(&[0.0; 20]));
        let worth = contrast(1, &[(1.0, &all), (-1.0, &all)]).unwrap();
        assert_eq!(worth.mean, 0.0);
        assert_eq!(excess(1, &all, &all, &all, &none).unwrap().mean, -1.0);
        // Both are needed: each alone is worth nothing.
        assert_eq!(excess(1, &all, &none, &none, &none).unwrap().mean, 1.0);
        // Independent: each lifts its own half.
        let (left, right) = (scores(&[1.0, 0.0]), scores(&[0.0, 1.0]));
        assert_eq!(excess(1, &scores(&[1.0; 2]), &left, &right, &scores(&[0.0; 2])).unwrap().mean, 0.0);
    }
}
