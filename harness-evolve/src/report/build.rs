//! Puts a report together from what a run, a measurement and the caller know.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::GroupSplit;
use harness_spec::Cell;
use harness_trace::{Looks, Split};

use super::credit;
use super::others::others;
use super::statistics::{against_itself, cell, difference, first_duel, placebo};
use super::{Contrast, Cost, Rejected, Report, RoundRow, Row, Shipped, Verdicts};
use crate::arms::{ArmKind, Extent, Measured};
use crate::controls::Measurement;
use crate::error::EvolveError;
use crate::outcome::{At, Evolution, Refused, Ship};

/// What only the caller knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    /// What the suite's numbers are called.
    pub label: String,
    /// Whether a stand-in for a language model plays.
    pub simulated: bool,
    /// The model, for a person.
    pub model: String,
    /// Who saw gate and sealed groups before this run.
    pub looks: Looks,
    /// Model calls made and answered from the record.
    pub calls: Option<(u64, u64)>,
    /// Wall clock of this sitting, in seconds.
    pub wall_seconds: f64,
    /// Most groups measured.
    pub extent: Extent,
    /// Gate tasks of each part of the population that rounds were about.
    pub gate_tasks: BTreeMap<Cell, usize>,
}

/// The report of a run. `generic` is the run without packs written for the suite.
///
/// # Errors
/// A number of the configuration is out of range.
pub fn build(
    evolution: &Evolution,
    generic: Option<&Evolution>,
    measurement: &Measurement,
    split: &GroupSplit,
    context: Context,
) -> Result<Report, EvolveError> {
    let config = &evolution.config;
    let arms = &measurement.arms;
    let contrasts = contrasts(config.seed, arms);
    let spent = generic.map_or(evolution.meter, |other| evolution.meter.plus(other.meter));
    let headline = contrasts.iter().find(|contrast| contrast.headline && contrast.split == Split::Sealed);
    let gained = headline.map(|contrast| 100.0 * contrast.difference.mean).filter(|points| *points > 0.0);
    Ok(Report {
        suite: evolution.suite.clone(),
        label: context.label,
        simulated: context.simulated,
        model: context.model,
        run: config.run.clone(),
        seed: config.seed,
        power: first_duel(config, split.gate.len())?,
        groups: (split.explore.len(), split.gate.len(), split.sealed.len()),
        extent: context.extent,
        rows: arms.iter().map(|arm| row(config.seed, arm, evolution)).collect(),
        contrasts,
        ships: evolution.ships.iter().map(|ship| shipped(ship, evolution)).collect(),
        variants: credit::variants(evolution, arms),
        best_of: credit::best_of(config.seed, measurement),
        attribution: credit::attribution(evolution),
        predictions: credit::predictions(evolution),
        rejected: rejected(evolution),
        rounds: rounds(evolution),
        generic_ships: generic.map(|run| run.ships.iter().map(|ship| ship.text.clone()).collect()),
        ended: evolution.ended,
        cut_short: measurement.cut_short,
        alpha: config.alpha,
        alpha_spent: evolution.alpha_spent.value(),
        cost: Cost {
            evolution: spent,
            tokens_per_point: gained.map(|points| evolution.meter.tokens() as f64 / points),
            measurement: measurement.meter,
            calls: context.calls,
            wall_seconds: context.wall_seconds,
        },
        sealed_looks_before: context.looks.sealed.looks.len(),
        looks: context.looks,
        others: others(evolution),
        verdicts: verdicts(evolution, &context.gate_tasks),
        against_itself: arms
            .iter()
            .find(|arm| arm.kind == ArmKind::Initial)
            .and_then(|arm| against_itself(config.seed, arm)),
        placebo: placebo(config, &split.gate, &split.explore, arms)?,
        final_toml: evolution.pool.to_toml().unwrap_or_else(|error| format!("# {error}")),
    })
}

fn row(seed: u64, arm: &Measured, evolution: &Evolution) -> Row {
    let cells = arm.scores.iter().filter_map(|(split, scores)| Some((*split, cell(seed, scores)?)));
    Row {
        name: arm.name.clone(),
        kind: arm.kind,
        variant: arm.variant.short(),
        edits: credit::edits(evolution, arm),
        cells: cells.collect(),
        tokens: arm.meter.tokens(),
    }
}

fn contrasts(seed: u64, arms: &[Measured]) -> Vec<Contrast> {
    let find = |kind: ArmKind| arms.iter().find(|arm| arm.kind == kind);
    let Some(last) = find(ArmKind::Final) else { return Vec::new() };
    let mut all = Vec::new();
    for split in [Split::Sealed, Split::Gate, Split::Explore] {
        let best = best_alternative(arms, split);
        let mut against: Vec<(&Measured, bool)> = best.into_iter().map(|arm| (arm, true)).collect();
        let others = [
            ArmKind::Initial,
            ArmKind::NoModel,
            ArmKind::Random,
            ArmKind::Noop,
            ArmKind::Generic,
            ArmKind::Single,
            ArmKind::Variant,
            ArmKind::Naive,
        ];
        against.extend(arms.iter().filter(|arm| others.contains(&arm.kind)).map(|arm| (arm, false)));
        for (other, headline) in against {
            let scores = last.scores.get(&split).zip(other.scores.get(&split));
            if let Some(difference) = scores.and_then(|(a, b)| difference(seed, a, b)) {
                let (arm, against) = (last.name.clone(), other.name.clone());
                all.push(Contrast { arm, against, headline, split, difference });
            }
        }
        let generic = find(ArmKind::Generic).zip(find(ArmKind::Initial));
        let scores = generic.and_then(|(g, i)| g.scores.get(&split).zip(i.scores.get(&split)));
        if let (Some((generic, initial)), Some(difference)) =
            (generic, scores.and_then(|(a, b)| difference(seed, a, b)))
        {
            let (arm, against) = (generic.name.clone(), initial.name.clone());
            all.push(Contrast { arm, against, headline: false, split, difference });
        }
    }
    all
}

/// The better of the initial harness and the no-model controls on a split. Chosen on the outcomes it is compared on,
/// which favours it: the gain over it is understated if anything.
fn best_alternative(arms: &[Measured], split: Split) -> Option<&Measured> {
    let competes =
        |arm: &&Measured| matches!(arm.kind, ArmKind::Initial | ArmKind::NoModel) && arm.scores.contains_key(&split);
    // Of equal ones the first: the initial harness, as the caller lists it.
    arms.iter().filter(competes).rev().max_by(|a, b| credit::mean(a, split).total_cmp(&credit::mean(b, split)))
}

fn shipped(ship: &Ship, evolution: &Evolution) -> Shipped {
    let test = &ship.certificate;
    let judged = evolution.judged.iter().find(|judged| judged.candidate == ship.candidate.id && judged.ships);
    let shares = evolution.attributions.iter().flat_map(|found| &found.shares);
    let place = evolution.ships.iter().position(|other| other.candidate.id == ship.candidate.id);
    let mut worth = shares.filter(|share| Some(share.ship) == place).filter_map(|share| share.worth);
    Shipped {
        round: ship.round,
        edit: ship.text.clone(),
        meant_for: ship.candidate.manifest.category.as_ref().map(|category| category.name().to_owned()),
        used_up: test.plan.terms.used_up,
        groups: test.groups,
        tasks: test.tasks,
        alpha: test.plan.terms.alpha.value(),
        capital: test.capital,
        mean_difference: test.mean_difference,
        approved: evolution
            .answers
            .iter()
            .find(|(candidate, answer)| *candidate == ship.candidate.id && answer.approved)
            .map(|(_, answer)| answer.by.clone()),
        fork: ship.fork.as_ref().map(|cell| (ship.variant.clone(), cell.to_string())),
        worth: worth.next(),
        unlocked: ship.unlocked,
        panel: match judged.and_then(|judged| judged.panel.as_ref()) {
            Some(panel) => format!("clear: harm not proven, n = {} groups", panel.groups),
            None => "no say: fewer groups passed reliably than a panel needs".to_owned(),
        },
    }
}

/// Rollouts to a verdict, against the plain way of judging.
fn verdicts(evolution: &Evolution, gate_tasks: &BTreeMap<Cell, usize>) -> Option<Verdicts> {
    let seeds = u64::from(evolution.config.seeds_per_task.max(1));
    let mut sum = Verdicts { candidates: 0, rollouts: 0, exhaustive: 0 };
    let mut incumbents = BTreeSet::new();
    for round in evolution.rounds.iter().filter(|round| !round.screened.is_empty()) {
        let all = gate_tasks.get(&round.cell).copied().unwrap_or(0) as u64;
        let fresh = u64::from(incumbents.insert((&round.cell, round.incumbent)));
        sum.candidates += round.screened.len();
        sum.rollouts += round.screened.iter().map(|row| row.tasks as u64).sum::<u64>();
        sum.exhaustive += (round.screened.len() as u64 + fresh) * all;
    }
    let tests = evolution.judged.iter().flat_map(|judged| [Some(&judged.certificate), judged.panel.as_ref()]);
    sum.rollouts += tests.flatten().map(|test| 2 * u64::from(test.tasks)).sum::<u64>();
    (sum.rollouts, sum.exhaustive) = (sum.rollouts * seeds, sum.exhaustive * seeds);
    (sum.candidates > 0 && sum.exhaustive > 0).then_some(sum)
}

fn rejected(evolution: &Evolution) -> Vec<Rejected> {
    let mut all = Vec::new();
    for round in &evolution.rounds {
        let number = round.round;
        let refused = evolution.refused.iter().filter(|refused| refused.round == number);
        all.extend(refused.map(|refused| {
            Rejected {
                round: number,
                edit: refused.edit.clone(),
                at: match refused.at {
                    At::Rebase => "rebase",
                    At::Critic => "critic",
                    At::Check => "check",
                    At::Person => "person",
                }
                .to_owned(),
                verdict: None,
                reason: refused.reason.clone(),
            }
        }));
        let here = |refused: &&Refused| refused.round == number && refused.at == At::Check;
        let unfit = |id: &str| evolution.refused.iter().filter(here).any(|refused| refused.candidate == id);
        let judged: BTreeMap<&str, _> = evolution
            .judged
            .iter()
            .filter(|judged| judged.round == number)
            .map(|judged| (judged.candidate.as_str(), judged))
            .collect();
        for row in &round.screened {
            let (at, verdict, reason) = match judged.get(row.candidate.as_str()) {
                // Shipped, or proven and then declined or still waiting: said elsewhere.
                Some(judged) if judged.ships => continue,
                Some(judged) => ("gate", Some(judged.certificate.verdict), judged.reason()),
                None if unfit(&row.candidate) => continue,
                None if row.survived && round.shipped.is_some() => {
                    ("gate", None, "another shipped first; it begins again for the new incumbent".to_owned())
                }
                None if row.survived => ("gate", None, "the run ended before it met the judge".to_owned()),
                None => ("screen", None, row.reason()),
            };
            all.push(Rejected { round: number, edit: row.edit.clone(), at: at.to_owned(), verdict, reason });
        }
    }
    all
}

fn rounds(evolution: &Evolution) -> Vec<RoundRow> {
    let row = |round: &crate::outcome::Round| RoundRow {
        round: round.round,
        about: if round.cell.is_everything() { String::new() } else { round.cell.to_string() },
        passed: round.landscape.passed,
        tasks: round.landscape.tasks,
        failures: round.landscape.clusters.iter().map(|c| (c.category.name().to_owned(), c.tasks.len())).collect(),
        proposed: round.proposed,
        refused: round.refused,
        screened: round.screened.len(),
        survived: round.screened.iter().filter(|row| row.survived).count(),
        judged: round.judged,
        shipped: round.shipped.is_some(),
    };
    evolution.rounds.iter().map(row).collect()
}
