//! What had a say beside the duel of gains, a line each: the drift test, the other way to ship, the strict seesaw. Refuses to
//! mention what had no part in the run.

use evolve_gate::{Certificate, Verdict};

use crate::config::{Objective, SeesawRule};
use crate::outcome::{DriftTest, Evolution};

/// A line each.
pub(super) fn others(evolution: &Evolution) -> Vec<String> {
    let mut lines = drift_lines(evolution);
    lines.extend(thrift(evolution));
    lines.extend(seesaw(evolution));
    lines
}

fn n(test: &Certificate) -> String {
    format!("n = {} groups ({} tasks), α = {:.4}", test.groups, test.tasks, test.plan.terms.alpha.value())
}

fn drift_lines(evolution: &Evolution) -> Vec<String> {
    let every = evolution.config.drift_every;
    if every > 0 && !evolution.ships.is_empty() && evolution.drift_tests.is_empty() {
        let ships = evolution.ships.len();
        return vec![format!(
            "drift test: never due (a look after every {every} ships, at a round's begin; ships: {ships})"
        )];
    }
    let line = |test: &DriftTest| {
        let (round, n) = (test.round, n(&test.certificate));
        match &test.back {
            Some(back) => format!(
                "drift test before round {round}: the incumbent is proven worse than the harness it began with, {n}; rolled back, \
                 edits undone: {}",
                back.undone.len()
            ),
            None => {
                format!("drift test before round {round}: no drop against the harness it began with is proven, {n}")
            }
        }
    };
    evolution.drift_tests.iter().map(line).collect()
}

fn thrift(evolution: &Evolution) -> Vec<String> {
    let what = match evolution.config.objective {
        Objective::Success => return Vec::new(),
        Objective::Cost => "cost",
        Objective::Latency => "latency",
    };
    let accepts = |test: &Certificate| test.verdict == Verdict::Accept;
    let tried: Vec<_> = evolution.judged.iter().filter_map(|judged| Some((judged, judged.thrift.as_ref()?))).collect();
    let proven = tried.iter().filter(|(_, thrift)| accepts(&thrift.cheaper)).count();
    let mut lines = vec![format!(
        "objective {what}: {} of {} judged candidates proved no gain and were tested for a saving; {proven} proved one",
        tried.len(),
        evolution.judged.len()
    )];
    for (judged, thrift) in tried {
        let Some(loses) = thrift.non_inferior.as_ref() else { continue };
        let margin = evolution.config.margin * 100.0;
        let kept = if accepts(loses) { "proven" } else { "not proven" };
        lines.push(format!(
            "{}: {:.0} % less {what} at the stop ({}); a loss of at most {margin:.0} points {kept} ({})",
            judged.edit,
            thrift.cheaper.mean_difference * 100.0,
            n(&thrift.cheaper),
            n(loses)
        ));
    }
    lines
}

fn seesaw(evolution: &Evolution) -> Option<String> {
    if evolution.config.seesaw == SeesawRule::Off {
        return None;
    }
    let asked: Vec<_> = evolution.judged.iter().filter_map(|judged| judged.seesaw.as_ref()).collect();
    let blocked = asked.iter().filter(|seesaw| seesaw.blocks()).count();
    Some(format!("strict seesaw: asked about {} proven candidates, blocked {blocked}", asked.len()))
}
