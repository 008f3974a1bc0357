//! The router: which variant plays what, by Beta posteriors over cells of what is known before a task is run; and whether
//! routing helps on tasks it was not fitted on. Refuses to be validated on the tasks it was fitted on.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::draw_order;
use evolve_gate::interval::{Interval, difference_interval, mean_interval};
use harness_spec::{Cell, Features, Route, words};
use serde::{Deserialize, Serialize};

/// How every variant did on one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The task's group.
    pub group: String,
    /// What is known of the task before it is run.
    pub task: Features,
    /// Mean score by variant.
    pub scores: BTreeMap<String, f64>,
}

/// A variant in a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// The tasks.
    pub cell: Cell,
    /// The variant.
    pub variant: String,
    /// Σ of its scores.
    pub passed: f64,
    /// Tasks.
    pub tasks: usize,
    /// Mean of Beta(1 + passed, 1 + failed).
    pub posterior: f64,
}

/// What routing is worth, on explore tasks it was not fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    /// Every variant in every cell that separates them.
    pub tallies: Vec<Tally>,
    /// The variant that is best over all: who plays what no route names.
    pub best: String,
    /// Success of the routed pool: on each half of the groups with routes fitted on the other half.
    pub routed: Interval,
    /// Success of the single variant that was best on the other half.
    pub single: Interval,
    /// Routed − single, paired by task.
    pub gain: Interval,
}

/// Tasks a cell needs before it can be told from the cell it lies in.
const LEAST: usize = 4;
/// By how many passes a finer route must do better than the coarser one.
const MARGIN: f64 = 2.0;
const LEVEL: f64 = 0.95;
const RESAMPLES: usize = 10_000;

fn tally(seen: &[&Seen], cell: &Cell, variant: &str) -> Tally {
    let scores = seen.iter().filter(|one| cell.holds(&one.task)).filter_map(|one| one.scores.get(variant));
    let (passed, tasks) = scores.fold((0.0, 0), |(sum, count), score| (sum + score, count + 1));
    let posterior = (1.0 + passed) / (2.0 + tasks as f64);
    Tally { cell: cell.clone(), variant: variant.to_owned(), passed, tasks, posterior }
}

/// The best variant of a cell by its posterior; of equal ones the first by name.
fn best(seen: &[&Seen], cell: &Cell, variants: &BTreeSet<&str>) -> Option<Tally> {
    let tallies = variants.iter().rev().map(|variant| tally(seen, cell, variant)).filter(|tally| tally.tasks > 0);
    tallies.max_by(|a, b| a.posterior.total_cmp(&b.posterior))
}

fn variants<'a>(seen: &[&'a Seen]) -> BTreeSet<&'a str> {
    seen.iter().flat_map(|one| one.scores.keys()).map(String::as_str).collect()
}

/// Routes, finest first, and the best variant over all. A cell gets a route where its best variant passes at least two
/// tasks more in it than the one that would play it otherwise. Suites come before kinds before words.
fn fit(seen: &[&Seen]) -> Option<(Vec<Route>, String)> {
    let variants = variants(seen);
    let fallback = best(seen, &Cell::default(), &variants)?.variant;
    let mut routes: Vec<Route> = Vec::new();
    let suites: BTreeSet<&str> = seen.iter().map(|one| one.task.suite.as_str()).collect();
    let kinds: BTreeSet<(&str, &str)> = seen.iter().map(|one| (&*one.task.suite, &*one.task.kind)).collect();
    let known_words: BTreeSet<String> = seen.iter().flat_map(|one| words(&one.task.text)).collect();
    let suite = |suite: &str| Cell { suite: Some(suite.to_owned()), ..Cell::default() };
    let kind = |(of, kind): (&str, &str)| Cell { kind: Some(kind.to_owned()), ..suite(of) };
    let word = |word: String| Cell { word: Some(word), ..Cell::default() };
    let levels = [
        suites.into_iter().map(suite).collect::<Vec<_>>(),
        kinds.into_iter().map(kind).collect(),
        known_words.into_iter().map(word).collect(),
    ];
    for cell in levels.into_iter().flatten() {
        let inside: Vec<&Seen> = seen.iter().copied().filter(|one| cell.holds(&one.task)).collect();
        if inside.len() < LEAST {
            continue;
        }
        // What the routes so far make of these tasks, and what one variant would.
        let routed = |one: &&Seen| {
            let name = routes.iter().find(|route| route.when.holds(&one.task)).map_or(&fallback, |route| &route.to);
            one.scores.get(name).copied().unwrap_or(0.0)
        };
        let now: f64 = inside.iter().map(routed).sum();
        let Some(tally) = best(&inside, &cell, &variants) else { continue };
        if tally.passed >= now + MARGIN {
            routes.insert(0, Route { when: cell, to: tally.variant });
        }
    }
    Some((routes, fallback))
}

/// Fits on each half of the groups and scores on the other. `None` when there is nothing to tell apart.
pub fn validate(seed: u64, seen: &[Seen]) -> Option<Routing> {
    let groups: BTreeSet<&str> = seen.iter().map(|one| one.group.as_str()).collect();
    let order = draw_order(seed, "routing", groups.into_iter().collect(), |group| group);
    let half: BTreeSet<&str> = order.iter().take(order.len() / 2).copied().collect();
    let (a, b): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(|one| half.contains(one.group.as_str()));
    let mut by_group: BTreeMap<&str, [Vec<f64>; 3]> = BTreeMap::new();
    for (fitted_on, scored_on) in [(&a, &b), (&b, &a)] {
        let (routes, single) = fit(fitted_on)?;
        for one in scored_on {
            let to = routes.iter().find(|route| route.when.holds(&one.task)).map_or(&single, |route| &route.to);
            let score = |name: &String| one.scores.get(name).copied().unwrap_or(0.0);
            let (routed, single) = (score(to), score(&single));
            let columns = by_group.entry(&one.group).or_default();
            for (column, value) in columns.iter_mut().zip([routed, single, routed - single]) {
                column.push(value);
            }
        }
    }
    let column = |index: usize| -> Vec<Vec<f64>> { by_group.values().map(|columns| columns[index].clone()).collect() };
    let all: Vec<&Seen> = seen.iter().collect();
    let names = variants(&all);
    let (routes, best) = fit(&all)?;
    let mut cells: BTreeSet<Cell> =
        routes.into_iter().map(|route| route.when).filter(|cell| cell.word.is_none()).collect();
    cells.extend(seen.iter().map(|one| Cell { suite: Some(one.task.suite.clone()), ..Cell::default() }));
    cells.insert(Cell::default());
    let tallies = cells.iter().flat_map(|cell| names.iter().map(|name| tally(&all, cell, name))).collect();
    Some(Routing {
        tallies,
        best,
        routed: mean_interval(seed, &column(0), LEVEL, RESAMPLES)?,
        single: mean_interval(seed, &column(1), LEVEL, RESAMPLES)?,
        gain: difference_interval(seed, &column(2), LEVEL, RESAMPLES)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: usize, suite: &str, text: &str, scores: &[(&str, f64)]) -> Seen {
        Seen {
            group: format!("{suite} {number}"),
            task: Features { suite: suite.to_owned(), kind: String::new(), text: text.to_owned() },
            scores: scores.iter().map(|(name, score)| ((*name).to_owned(), *score)).collect(),
        }
    }

    #[test]
    fn variants_that_differ_by_suite_are_routed_and_the_gain_shows_on_unfitted_tasks() {
        let all: Vec<Seen> = (0..40)
            .map(|n| match n % 2 {
                0 => seen(n, "house", "put the mug away", &[("a", 1.0), ("b", 0.0)]),
                _ => seen(n, "calls", "call the office", &[("a", 0.0), ("b", f64::from(u8::from(n % 4 == 1)))]),
            })
            .collect();
        let routing = validate(1, &all).unwrap();
        assert_eq!(routing.best, "a");
        assert!(routing.gain.low > 0.0, "{:?}", routing.gain);
        assert!((routing.routed.mean - routing.single.mean - routing.gain.mean).abs() < 1e-12);
    }

    #[test]
    fn what_is_luck_alone_gains_nothing_where_it_was_not_fitted() {
        // Scores by hash: variants that do not differ. In-sample the best of many cells would shine.
        let coin = |n: usize, k: usize| f64::from(u8::from((n * 2_654_435_761 + k * 40_503) >> 7 & 1 == 1));
        let word = ["red", "green", "blue", "grey", "pink"];
        let all: Vec<Seen> = (0..200)
            .map(|n| {
                seen(n, word[n % 5], word[(n / 5) % 5], &[("a", coin(n, 1)), ("b", coin(n, 7)), ("c", coin(n, 13))])
            })
            .collect();
        let routing = validate(3, &all).unwrap();
        assert!(routing.gain.low <= 0.0, "{:?}", routing.gain);
    }

    #[test]
    fn a_word_routes_where_nothing_else_is_known() {
        let all: Vec<Seen> = (0..24)
            .map(|n| match n % 2 {
                0 => seen(n, "", "cool the mug", &[("a", 1.0), ("b", 0.0)]),
                _ => seen(n, "", "heat the mug", &[("a", 0.0), ("b", 1.0)]),
            })
            .collect();
        let (routes, fallback) = fit(&all.iter().collect::<Vec<_>>()).unwrap();
        let task = |text: &str| Features { text: text.to_owned(), ..Features::default() };
        let to = |text: &str| {
            routes.iter().find(|route| route.when.holds(&task(text))).map_or(&*fallback, |route| &*route.to)
        };
        assert_eq!((to("Please cool an egg."), to("Heat it!")), ("a", "b"));
    }
}
