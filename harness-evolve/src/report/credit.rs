//! The parts of a report that say to whom a gain is owed: variants against one harness, tries against edits, edits one by
//! one. Refuses a comparison that the other side did not get the benefit of.

use harness_spec::diff;
use harness_trace::Split;

use super::statistics::{cell, difference};
use super::terminal::points;
use super::{BestOfRow, Contrast, Variants};
use crate::arms::{ArmKind, Measured};
use crate::controls::Measurement;
use crate::outcome::Evolution;

/// How an arm's pool differs from the initial harness.
pub fn edits(evolution: &Evolution, arm: &Measured) -> String {
    match arm.pool.single() {
        Some(harness) => diff(&evolution.initial, harness).to_string(),
        None => {
            let variants = arm.pool.variants.iter();
            let said = variants.map(|(name, harness)| format!("{name}: {}", diff(&evolution.initial, harness)));
            said.collect::<Vec<_>>().join(" | ")
        }
    }
}

/// Mean score on a split.
pub fn mean(arm: &Measured, split: Split) -> f64 {
    let scores = arm.scores.get(&split).map_or(&[][..], Vec::as_slice);
    let valued: Vec<f64> = scores.iter().filter_map(|one| Some(one.outcome.score()?.value())).collect();
    valued.iter().sum::<f64>() / valued.len().max(1) as f64
}

/// Variants against the best single harness; `None` with one.
pub fn variants(evolution: &Evolution, arms: &[Measured]) -> Option<Variants> {
    let pool = &evolution.pool;
    if pool.variants.len() < 2 {
        return None;
    }
    let plays = |name: &String| -> String {
        let cells = pool.routes.iter().filter(|route| route.to == *name).map(|route| route.when.to_string());
        let rest = (*name == pool.fallback).then(|| "whatever no route names".to_owned());
        cells.chain(rest).collect::<Vec<_>>().join("; ")
    };
    let variants = pool
        .variants
        .iter()
        .map(|(name, harness)| (name.clone(), plays(name), diff(&evolution.initial, harness).to_string()));
    let one = |arm: &&Measured| {
        matches!(arm.kind, ArmKind::Initial | ArmKind::Single | ArmKind::Variant)
            && arm.scores.contains_key(&Split::Sealed)
    };
    let singles = arms.iter().filter(one);
    // Chosen on the outcomes it is compared on, which favours it.
    let best = singles.max_by(|a, b| mean(a, Split::Sealed).total_cmp(&mean(b, Split::Sealed)));
    let last = arms.iter().find(|arm| arm.kind == ArmKind::Final);
    let against_single = last.zip(best).and_then(|(last, best)| {
        let difference =
            difference(evolution.config.seed, last.scores.get(&Split::Sealed)?, best.scores.get(&Split::Sealed)?)?;
        let (arm, against) = (last.name.clone(), best.name.clone());
        Some(Contrast { arm, against, headline: false, split: Split::Sealed, difference })
    });
    Some(Variants { variants: variants.collect(), against_single, routing: evolution.routing.clone() })
}

/// Best-of-k.
pub fn best_of(seed: u64, measurement: &Measurement) -> Option<BestOfRow> {
    let found = measurement.best_of.as_ref()?;
    Some(BestOfRow {
        k: (found.k, found.played),
        temperature: found.temperature,
        tokens: found.tokens,
        oracle: cell(seed, &found.oracle)?.success,
        majority: cell(seed, &found.majority)?.success,
    })
}

/// What attribution found, in words.
pub fn attribution(evolution: &Evolution) -> Vec<String> {
    let mut lines = Vec::new();
    let edit = |ship: usize| evolution.ships.get(ship).map_or("?", |ship| ship.text.as_str());
    for found in &evolution.attributions {
        let (rollouts, tokens) = found.cost;
        lines.push(format!(
            "attribution of {}: {} edits left out one by one and in pairs, {rollouts} rollouts, {tokens} tokens that were not in the record",
            found.variant,
            found.shares.len(),
        ));
        for share in found.shares.iter().filter(|share| share.worth.is_none()) {
            lines.push(format!("`{}` cannot be left out alone: later edits rest on it", share.edit));
        }
        for pair in &found.interactions {
            let how = if pair.excess.mean > 0.0 { "help one another" } else { "do in part the same work" };
            lines.push(format!(
                "`{}` and `{}` {how}: {} beyond the sum of both",
                edit(pair.ships.0),
                edit(pair.ships.1),
                points(&pair.excess)
            ));
        }
        if let Some(pruning) = &found.pruning {
            let names: Vec<&str> = pruning.ships.iter().map(|ship| edit(*ship)).collect();
            let what = if pruning.pruned { "taken out again" } else { "carry nothing on explore, and stay" };
            lines.push(format!("`{}` {what}: {}", names.join("`, `"), pruning.reason));
        }
    }
    lines
}

/// How often predictions came true, by bucket and by module.
pub fn predictions(evolution: &Evolution) -> Vec<(String, usize, usize)> {
    let mut rows: Vec<(String, usize, usize)> = Vec::new();
    for scored in &evolution.history.predictions {
        let bucket = scored.category.as_ref().map(|category| category.name().to_owned());
        for name in bucket.into_iter().chain(scored.modules.iter().cloned()) {
            match rows.iter_mut().find(|row| row.0 == name) {
                Some(row) => (row.1, row.2) = (row.1 + scored.unlock.hits, row.2 + scored.unlock.predicted),
                None => rows.push((name, scored.unlock.hits, scored.unlock.predicted)),
            }
        }
    }
    rows
}
