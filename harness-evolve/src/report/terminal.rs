//! The report on a terminal: aligned columns, colour only where asked for.

use std::fmt::Write;

use evolve_gate::interval::Interval;
use harness_trace::Split;

use super::{Contrast, Report, Shipped, ended};

pub(super) struct Ink(bool);

impl Ink {
    pub fn new(color: bool) -> Self {
        Self(color)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// "43.1 % [31.0, 55.2]".
pub(super) fn percent(interval: &Interval) -> String {
    let point = |value: f64| value * 100.0;
    format!("{:.1} % [{:.1}, {:.1}]", point(interval.mean), point(interval.low), point(interval.high))
}

/// "+43.1 points [+31.0, +55.2]".
pub(super) fn points(interval: &Interval) -> String {
    let point = |value: f64| value * 100.0;
    format!("{:+.1} points [{:+.1}, {:+.1}]", point(interval.mean), point(interval.low), point(interval.high))
}

/// Both counts.
pub(super) fn counts(interval: &Interval) -> String {
    format!("n = {} tasks, {} groups", interval.tasks, interval.groups)
}

/// The report as text, with ANSI colours if `color`.
pub fn render_terminal(report: &Report, color: bool) -> String {
    let ink = Ink(color);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, report, &ink);
    out
}

fn write(out: &mut String, report: &Report, ink: &Ink) -> std::fmt::Result {
    let simulated = if report.simulated { " (SIMULATED: no language model took part)" } else { "" };
    writeln!(out, "{}{simulated}", ink.bold(&format!("{} · {}", report.label, report.model)))?;
    let (explore, gate, sealed) = &report.groups;
    writeln!(
        out,
        "run {}, seed {}; groups: {explore} explore, {gate} gate, {sealed} sealed; sealed looks before this one: {}",
        report.run, report.seed, report.sealed_looks_before
    )?;
    for (split, seen) in [(Split::Gate, &report.looks.gate), (Split::Sealed, &report.looks.sealed)] {
        if split == Split::Gate || !seen.looks.is_empty() {
            writeln!(out, "{split} looks before this run: {seen}")?;
        }
    }
    table(out, report, ink)?;
    differences(out, report, ink)?;
    credit(out, report, ink)?;
    decisions(out, report, ink)?;
    footer(out, report, ink)
}

fn credit(out: &mut String, report: &Report, ink: &Ink) -> std::fmt::Result {
    let lines = credited(report);
    if !lines.is_empty() {
        writeln!(out, "\n{}", ink.bold("to whom it is owed"))?;
    }
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// Variants, tries and edits, a line each.
pub(super) fn credited(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(variants) = &report.variants {
        for (name, plays, _) in &variants.variants {
            lines.push(format!("variant {name} plays {plays}"));
        }
        lines.push(match &variants.against_single {
            Some(contrast) => format!(
                "variants − the best single harness on sealed tasks ({}): {} ({})",
                contrast.against,
                points(&contrast.difference),
                counts(&contrast.difference)
            ),
            None => "variants against the best single harness: not measured".to_owned(),
        });
        if let Some(routing) = &variants.routing {
            lines.push(format!(
                "routes on explore tasks they were not fitted on − the best single variant there: {} ({})",
                points(&routing.gain),
                counts(&routing.gain)
            ));
        }
    }
    lines.push(match &report.best_of {
        Some(tries) => format!(
            "best of {} tries of the initial harness at temperature {} ({:.0} tokens a task against {:.0}{}): oracle pick {}, majority pick {}",
            tries.k.0,
            tries.temperature,
            tries.tokens.1,
            tries.tokens.0,
            if tries.k.1 < tries.k.0 { format!("; {} tries were played", tries.k.1) } else { String::new() },
            percent(&tries.oracle),
            percent(&tries.majority)
        ),
        None => "best of k tries at equal cost: the final harness takes no more tokens than the initial one, or was not measured".to_owned(),
    });
    for (name, hits, of) in &report.predictions {
        lines.push(format!("predicted unlocks of shipped edits, {name}: {hits} of {of} came true"));
    }
    lines.extend(report.attribution.iter().cloned());
    lines
}

fn table(out: &mut String, report: &Report, ink: &Ink) -> std::fmt::Result {
    writeln!(out, "\n{}", ink.bold("success, 95 % intervals over groups (the final harness, never the peak)"))?;
    let width = report.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(8);
    writeln!(out, "  {:width$}  {:<22}  {:<22}  {:<22}", "arm", "sealed", "gate", "explore")?;
    for row in &report.rows {
        let cell = |split| row.cells.get(&split).map_or("—".to_owned(), |cell| percent(&cell.success));
        let (sealed, gate, explore) = (cell(Split::Sealed), cell(Split::Gate), cell(Split::Explore));
        writeln!(out, "  {:width$}  {sealed:<22}  {gate:<22}  {explore:<22}", row.name)?;
        for (split, cell) in &row.cells {
            for (name, part) in &cell.parts {
                let line = format!("{} on {}: {} ({})", name, split.name(), percent(part), counts(part));
                writeln!(out, "  {:width$}  {}", "", ink.dim(&line))?;
            }
            if cell.lost > 0 {
                writeln!(out, "  {:width$}  {} episodes lost to the infrastructure", "", cell.lost)?;
            }
        }
    }
    for split in [Split::Sealed, Split::Gate, Split::Explore] {
        if let Some(cell) = report.rows.iter().find_map(|row| row.cells.get(&split)) {
            writeln!(out, "  {}", ink.dim(&format!("{}: {}", split.name(), counts(&cell.success))))?;
        }
    }
    if let Some(stop) = report.cut_short {
        writeln!(out, "  not everything was measured: {}", ended(stop))?;
    }
    Ok(())
}

fn differences(out: &mut String, report: &Report, ink: &Ink) -> std::fmt::Result {
    writeln!(out, "\n{}", ink.bold("differences, paired by task and seed"))?;
    let line = |contrast: &Contrast| {
        let headline = if contrast.headline { "headline: " } else { "" };
        let against = if contrast.headline {
            format!("the better of initial and no-model ({})", contrast.against)
        } else {
            contrast.against.clone()
        };
        format!(
            "{headline}{} − {against}: {}, {} ({})",
            contrast.arm,
            points(&contrast.difference),
            contrast.split.name(),
            counts(&contrast.difference)
        )
    };
    for contrast in &report.contrasts {
        let sign = match () {
            () if contrast.difference.low > 0.0 => "32",
            () if contrast.difference.high < 0.0 => "31",
            () => "33",
        };
        writeln!(out, "  {}", ink.paint(sign, &line(contrast)))?;
    }
    if report.contrasts.is_empty() {
        writeln!(out, "  none: nothing was measured on both sides")?;
    }
    Ok(())
}

fn decisions(out: &mut String, report: &Report, ink: &Ink) -> std::fmt::Result {
    writeln!(out, "\n{} ({})", ink.bold("shipped"), report.ships.len())?;
    for ship in &report.ships {
        writeln!(out, "  round {}: {}{}", ship.round, ink.paint("32", &ship.edit), made(ship))?;
        writeln!(
            out,
            "    proven on the gate groups after the first {}: n = {} groups ({} tasks), α = {:.4}, capital {:.1}, mean difference at the stop {:+.2}",
            ship.used_up, ship.groups, ship.tasks, ship.alpha, ship.capital, ship.mean_difference
        )?;
        let unlocked = ship.unlocked.map_or("not scored".to_owned(), |(hits, of)| format!("{hits} of {of}"));
        let meant = ship.meant_for.as_deref().unwrap_or("nothing in particular");
        writeln!(out, "    meant for {meant}; predicted unlocks: {unlocked}; panel {}", ship.panel)?;
    }
    if let Some(ships) = &report.generic_ships {
        let shown = if ships.is_empty() { "nothing".to_owned() } else { ships.join(" · ") };
        writeln!(out, "  generic modules only shipped: {shown}")?;
    }
    writeln!(out, "\n{} ({})", ink.bold("not shipped"), report.rejected.len())?;
    for one in &report.rejected {
        writeln!(out, "  round {} · {:<6} · {} — {}", one.round, one.at, one.edit, ink.dim(&one.reason))?;
    }
    writeln!(out, "\n{}", ink.bold("rounds"))?;
    for round in &report.rounds {
        let failures: Vec<String> = round.failures.iter().map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(
            out,
            "  {}{}: explore {}/{} pass; {} proposed, {} refused, {} screened, {} survived, {} judged{}; failing: {}",
            round.round,
            if round.about.is_empty() { String::new() } else { format!(" ({})", round.about) },
            round.passed,
            round.tasks,
            round.proposed,
            round.refused,
            round.screened,
            round.survived,
            round.judged,
            if round.shipped { ", shipped one" } else { "" },
            if failures.is_empty() { "nothing".to_owned() } else { failures.join(", ") }
        )?;
    }
    writeln!(out, "  ended: {}", ended(report.ended))
}

fn footer(out: &mut String, report: &Report, ink: &Ink) -> std::fmt::Result {
    writeln!(out, "\n{}", ink.bold("what it rests on"))?;
    for line in footnotes(report) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// The variant a ship made, and what it is worth in the end.
pub(super) fn made(ship: &Shipped) -> String {
    let fork =
        ship.fork.as_ref().map(|(name, cell)| format!("; makes the variant {name} for {cell}, and is proven there"));
    let worth = ship
        .worth
        .as_ref()
        .map(|worth| format!("; left out of the final harness: {} on explore", points(&negated(worth))));
    let by = ship.approved.as_ref().map(|name| format!("; approved by {name}"));
    [fork, worth, by].into_iter().flatten().collect()
}

fn negated(interval: &Interval) -> Interval {
    Interval { mean: -interval.mean, low: -interval.high, high: -interval.low, ..*interval }
}

/// The lines below every report.
pub(super) fn footnotes(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(format!(
        "with probability ≥ {:.2} every shipped edit is a real gain (α = {}, of which {:.4} granted to tests)",
        1.0 - report.alpha,
        report.alpha,
        report.alpha_spent
    ));
    match &report.placebo {
        Some(placebo) if !placebo.reach.can_fail() => lines.push(format!(
            "placebo: shows nothing here. With every coin on its side a rehearsal comes to a capital of {:.1}, and {:.0} would ship; {} recorded contrasts over {} groups differ too little",
            placebo.reach.most, placebo.reach.needed, placebo.contrasts, placebo.groups
        )),
        Some(placebo) => lines.push(format!(
            "placebo: {} of {} rehearsals with swapped arms shipped anything, one-sided 95 % bound {:.3} (must be ≤ {}), largest capital it could have come to {:.1} of the {:.0} that ship; {} recorded contrasts over {} groups",
            placebo.line.shipped,
            placebo.line.runs,
            placebo.line.bound,
            placebo.alpha,
            placebo.reach.most,
            placebo.reach.needed,
            placebo.contrasts,
            placebo.groups
        )),
        None => lines.push("placebo: not run, fewer than two different arms were measured on explore and gate".to_owned()),
    }
    lines.push(match &report.against_itself {
        Some(difference) => format!(
            "A/A: the initial harness on its second seed − on its first: {} ({}); nothing differs but luck, so 0 belongs inside",
            points(difference),
            counts(difference)
        ),
        None => "A/A: not run, one seed a task; for a deterministic model it is zero".to_owned(),
    });
    lines.extend(report.others.iter().cloned());
    let power = &report.power;
    let shares: Vec<String> =
        power.shares.iter().map(|(points, share)| format!("{points} points {:.0} %", share * 100.0)).collect();
    lines.push(format!(
        "power of a first duel (simulated; n = {} groups, α_c = {:.4}, background discordance {:.0} %): {}",
        power.groups,
        power.alpha,
        power.discordance * 100.0,
        shares.join(", ")
    ));
    lines.extend(report.verdicts.map(|verdicts| {
        let each = |rollouts: u64| rollouts as f64 / verdicts.candidates as f64;
        format!(
            "to a verdict: {:.1} rollouts for each of {} candidates, screens and both arms counted; on every gate task of its part each \
             would have taken {:.1} ({:.0} %)",
            each(verdicts.rollouts),
            verdicts.candidates,
            each(verdicts.exhaustive),
            100.0 * verdicts.rollouts as f64 / verdicts.exhaustive as f64
        )
    }));
    let (evolution, measured) = (&report.cost.evolution, &report.cost.measurement);
    let all = evolution.plus(*measured);
    lines.push(format!(
        "cost: {} rollouts ({} in evolution, {} for this table; {} of them found in the record), {} tokens ({} of them replayed), {:.0} s on the clock",
        all.rollouts,
        evolution.rollouts,
        measured.rollouts,
        all.remembered,
        all.tokens(),
        all.replayed.input_tokens + all.replayed.output_tokens,
        report.cost.wall_seconds
    ));
    if !all.marking.is_none() {
        let tokens = all.marking.input_tokens + all.marking.output_tokens;
        lines.push(format!("of these, marking took {tokens} tokens"));
    }
    lines.push(match report.cost.tokens_per_point {
        Some(tokens) => format!("cost per point of the headline: {tokens:.0} tokens of evolution"),
        None => "cost per point: there is no gain over the better of the initial harness and no model".to_owned(),
    });
    if let Some((made, replayed)) = report.cost.calls {
        let share = 100.0 * replayed as f64 / (made + replayed).max(1) as f64;
        lines.push(format!("model calls: {made} made, {replayed} answered from the record ({share:.0} % saved)"));
    }
    lines
}
