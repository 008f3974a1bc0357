//! Intervals, paired differences, the placebo and the power line out of scores. Refuses pairs with one side missing.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::interval::{Interval, difference_interval, mean_interval};
use evolve_gate::placebo::{Coin, RecordedGroup, Recording, Rehearsal};
use evolve_gate::simulate::{Contrast as Simulated, power};
use evolve_gate::{Alpha, Futility, Pair, PlannedGroup, Rule, Stopping, Unit};
use harness_trace::Split;

use super::{Cell, Placebo, Power};
use crate::arms::{Measured, Score};
use crate::config::EvolveConfig;
use crate::error::EvolveError;

/// Background discordance that simulated duels assume: pairs that differ for no reason.
const DISCORDANCE: f64 = 0.13;

const LEVEL: f64 = 0.95;
const RESAMPLES: usize = 10_000;
/// Evolutions rehearsed for the placebo line.
const PLACEBOS: u64 = 1000;

/// Values by group.
fn by_group<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> Vec<Vec<f64>> {
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (group, value) in values {
        groups.entry(group).or_default().push(value);
    }
    groups.into_values().collect()
}

/// An arm on a split; `None` if nothing of it was scored.
pub fn cell(seed: u64, scores: &[Score]) -> Option<Cell> {
    let valued = scores.iter().filter_map(|one| Some((one.group.as_str(), one.outcome.score()?.value())));
    let success = mean_interval(seed, &by_group(valued), LEVEL, RESAMPLES)?;
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in scores.iter().flat_map(|one| &one.parts) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let part = |name: &str| {
        let value = |one: &Score| one.parts.iter().find(|(n, _)| n == name).map_or(0.0, |(_, value)| *value);
        let counted = scores.iter().filter(|one| one.outcome.score().is_some());
        let groups = by_group(counted.map(|one| (one.group.as_str(), value(one))));
        Some((name.to_owned(), mean_interval(seed, &groups, LEVEL, RESAMPLES)?))
    };
    let parts = names.into_iter().filter_map(part).collect();
    let lost = scores.iter().filter(|one| one.outcome.score().is_none()).count();
    Some(Cell { success, parts, lost })
}

/// Scores of both arms on the (task, seed) both have.
fn paired<'a>(arm: &'a [Score], against: &'a [Score]) -> Vec<(&'a Score, &'a Score)> {
    let known: BTreeMap<_, _> = against.iter().map(|one| ((one.task.as_str(), one.seed), one)).collect();
    arm.iter().filter_map(|one| Some((one, *known.get(&(one.task.as_str(), one.seed))?))).collect()
}

/// An arm's second seed − its first, paired by task, on gate tasks.
pub fn against_itself(seed: u64, arm: &Measured) -> Option<Interval> {
    let scores = arm.scores.get(&Split::Gate)?;
    let seeds: BTreeSet<u64> = scores.iter().map(|one| one.seed).collect();
    let mut seeds = seeds.into_iter();
    let (first, second) = (seeds.next()?, seeds.next()?);
    let of = |seed: u64| -> Vec<Score> {
        let mine = scores.iter().filter(|one| one.seed == seed);
        mine.map(|one| Score { seed: first, ..one.clone() }).collect()
    };
    difference(seed, &of(second), &of(first))
}

/// Mean paired difference of two arms on a split.
pub fn difference(seed: u64, arm: &[Score], against: &[Score]) -> Option<Interval> {
    let pairs = paired(arm, against);
    let differences = pairs
        .iter()
        .filter_map(|(a, b)| Some((a.group.as_str(), a.outcome.score()?.value() - b.outcome.score()?.value())));
    difference_interval(seed, &by_group(differences), LEVEL, RESAMPLES)
}

fn stopping(config: &EvolveConfig) -> Result<Stopping, EvolveError> {
    let futility = Futility { delta: Unit::new(config.delta)?, ..Futility::default() };
    Ok(Stopping { futility: Some(futility), ..Stopping::default() })
}

/// The placebo over every contrast of an arm with the first one that was measured on explore and gate; `None` without
/// any.
pub fn placebo(
    config: &EvolveConfig,
    gate: &[String],
    explore: &[String],
    arms: &[Measured],
) -> Result<Option<Placebo>, EvolveError> {
    let both = |arm: &&Measured| arm.scores.contains_key(&Split::Explore) && arm.scores.contains_key(&Split::Gate);
    let measured: Vec<&Measured> = arms.iter().filter(both).collect();
    let Some((first, others)) = measured.split_first() else { return Ok(None) };
    let mut different: Vec<&Measured> = others.iter().filter(|arm| arm.variant != first.variant).copied().collect();
    different.dedup_by_key(|arm| arm.variant);
    if different.is_empty() {
        return Ok(None);
    }
    let mut groups: BTreeMap<String, RecordedGroup> = BTreeMap::new();
    for (k, arm) in different.iter().enumerate() {
        for split in [Split::Explore, Split::Gate] {
            for (new, old) in paired(&arm.scores[&split], &first.scores[&split]) {
                let group = groups.entry(new.group.clone()).or_insert_with(|| RecordedGroup {
                    planned: PlannedGroup { group: new.group.clone(), tasks: Vec::new() },
                    contrasts: vec![Vec::new(); different.len()],
                });
                if !group.planned.tasks.contains(&new.task) {
                    group.planned.tasks.push(new.task.clone());
                }
                group.contrasts[k].push(Pair {
                    task: new.task.clone(),
                    seed: new.seed,
                    incumbent: old.outcome,
                    candidate: new.outcome,
                    price: None,
                });
            }
        }
    }
    let mut take = |ids: &[String]| ids.iter().filter_map(|id| groups.remove(id)).collect::<Vec<_>>();
    let (explore, gate) = (take(explore), take(gate));
    let count = explore.len() + gate.len();
    let recording = Recording { explore, gate, seeds: config.seeds() };
    let rehearsal = Rehearsal {
        rounds: config.rounds,
        idle_rounds: config.idle_rounds,
        candidates: config.judged,
        proposals: config.candidates.max(config.judged),
        first_rung: config.screen_tasks.div_ceil(4),
        alpha: Alpha::new(config.alpha)?,
        stopping: stopping(config)?,
        in_flight: config.concurrency,
        coin: Coin::PerPair,
        rule: Rule::Judge,
    };
    let line = rehearsal.placebo(0..PLACEBOS, |_| recording.clone());
    let reach = rehearsal.reach(&recording);
    Ok(Some(Placebo { line, reach, contrasts: different.len(), groups: count, alpha: config.alpha }))
}

/// The smallest gain, in steps of 5 points, that a first duel over `groups` gate groups proves in this share of runs; `None`: not even
/// 95 points.
///
/// # Errors
///
/// The settings are none that a duel can be played by.
pub fn provable(config: &EvolveConfig, groups: usize, share: f64) -> Result<Option<u32>, EvolveError> {
    const DUELS: u32 = 500;
    let mut purse = config.purse()?;
    purse.open_round();
    let (alpha, stopping) = (purse.grant(), stopping(config)?);
    Ok((1..20).map(|step| 5 * step).find(|points: &u32| {
        let contrast = Simulated { effect: f64::from(*points) / 100.0, discordance: DISCORDANCE };
        power(config.seed, contrast, alpha, stopping, groups as u32, DUELS).accepted >= share
    }))
}

/// What a first duel over `groups` gate groups can prove.
///
/// # Errors
///
/// The settings are none that a duel can be played by.
pub fn first_duel(config: &EvolveConfig, groups: usize) -> Result<Power, EvolveError> {
    const DUELS: u32 = 1000;
    let mut purse = config.purse()?;
    purse.open_round();
    let alpha = purse.grant();
    let stopping = stopping(config)?;
    let share = |points: u32| {
        let contrast = Simulated { effect: f64::from(points) / 100.0, discordance: DISCORDANCE };
        (points, power(config.seed, contrast, alpha, stopping, groups as u32, DUELS).accepted)
    };
    let shares = [10, 20, 30, 40, 60].into_iter().map(share).collect();
    Ok(Power { groups, alpha: alpha.value(), discordance: DISCORDANCE, shares })
}
