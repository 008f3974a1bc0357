//! The report on one screen: what was tried, what shipped and why it is believed, before and after beside the controls, what it cost.
//! Refuses to show a number without its interval and count; everything else is in the whole report.

use std::fmt::Write;

use evolve_gate::interval::Interval;
use harness_trace::Split;

use super::{
    Report, Row, ended,
    terminal::{Ink, counts, percent, points},
};
use crate::arms::ArmKind;
use crate::session::Stop;

/// Characters of a line.
const WIDTH: usize = 80;
/// Characters of what stands before a line.
const LABEL: usize = 9;
/// Ships that are shown, and further arms.
const MOST: usize = 3;

/// The report in at most 24 lines of at most 80 characters, with ANSI colours if `color`.
pub fn render_summary(report: &Report, color: bool) -> String {
    let mut page = Page { text: String::new(), ink: Ink::new(color) };
    page.head(report);
    page.tried(report);
    page.shipped(report);
    page.sealed(report);
    page.believed(report);
    page.cost(report);
    page.text
}

struct Page {
    text: String,
    ink: Ink,
}

impl Page {
    /// A line under a label; what is too long is broken between words.
    fn line(&mut self, label: &str, text: &str) {
        for (number, part) in wrapped(text, WIDTH - LABEL).iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(self.text, "{}{part}", self.ink.bold(&format!("{label:<LABEL$}")));
        }
    }

    fn head(&mut self, report: &Report) {
        let simulated = if report.simulated { " (SIMULATED: no language model took part)" } else { "" };
        let (explore, gate, sealed) = report.groups;
        self.line(
            "suite",
            &format!(
                "{} · {}{simulated}; groups: {explore} explore, {gate} gate, {sealed} sealed",
                report.label, report.model
            ),
        );
    }

    fn tried(&mut self, report: &Report) {
        let sum = |count: fn(&super::RoundRow) -> usize| report.rounds.iter().map(count).sum::<usize>();
        self.line(
            "tried",
            &format!(
                "{} edits in {} rounds: {} screened, {} met the judge, {} shipped; ended: {}",
                sum(|round| round.proposed),
                report.rounds.len(),
                sum(|round| round.screened),
                sum(|round| round.judged),
                report.ships.len(),
                ended(report.ended)
            ),
        );
    }

    fn shipped(&mut self, report: &Report) {
        if report.ships.is_empty() {
            self.line("shipped", "nothing: no edit was proven to be a gain; the whole report says how far each came");
        }
        for ship in report.ships.iter().take(MOST) {
            let edit = if ship.edit.chars().count() > 2 * WIDTH {
                ship.edit.chars().take(2 * WIDTH - 1).chain(['…']).collect()
            } else {
                ship.edit.clone()
            };
            self.line("shipped", &edit);
            let proof = format!(
                "proven on {} gate groups that nothing was tuned on: capital {:.0} of the {:.0} needed",
                ship.groups,
                ship.capital,
                1.0 / ship.alpha
            );
            self.line("", &proof);
        }
        if let Some(more) = report.ships.len().checked_sub(MOST).filter(|more| *more > 0) {
            self.line("", &format!("and {more} more"));
        }
    }

    fn sealed(&mut self, report: &Report) {
        let of = |row: &Row| row.cells.get(&Split::Sealed).map(|cell| cell.success);
        let kind = |kind: ArmKind| report.rows.iter().find(|row| row.kind == kind).and_then(of);
        let mut label = "sealed";
        let mut say = |page: &mut Self, text: &str| page.line(std::mem::take(&mut label), text);
        match (kind(ArmKind::Initial), kind(ArmKind::Final)) {
            (Some(before), Some(after)) => {
                let shown = format!("{} → {}", percent(&before), percent(&after));
                say(self, &format!("initial → final harness: {shown}, {}", counts(&after)));
            }
            _ => say(self, "not measured"),
        }
        let best = |rows: &mut dyn Iterator<Item = &Row>| -> Option<(String, Interval)> {
            rows.filter_map(|row| Some((row.name.clone(), of(row)?))).max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean))
        };
        if let Some((name, best)) = best(&mut report.rows.iter().filter(|row| row.kind == ArmKind::NoModel)) {
            say(self, &format!("without a model, {name}: {}", percent(&best)));
        }
        if let Some((_, random)) = best(&mut report.rows.iter().filter(|row| row.kind == ArmKind::Random)) {
            say(self, &format!("the final harness choosing at random: {}", percent(&random)));
        }
        let sealed = report.contrasts.iter().filter(|contrast| contrast.split == Split::Sealed);
        for contrast in sealed.take(MOST) {
            let against = if contrast.headline {
                format!("the better of initial and no model ({})", contrast.against)
            } else {
                contrast.against.clone()
            };
            say(self, &format!("{} − {against}: {}", contrast.arm, points(&contrast.difference)));
        }
    }

    fn believed(&mut self, report: &Report) {
        let chance = format!("with probability ≥ {:.2} every shipped edit is a real gain", 1.0 - report.alpha);
        let looks = report.sealed_looks_before;
        self.line("believed", &format!("{chance}; sealed tasks were looked at {looks} times before this run"));
        if !report.looks.gate.looks.is_empty() {
            self.line("", &format!("gate looks before this run: {}", report.looks.gate));
        }
    }

    fn cost(&mut self, report: &Report) {
        let all = report.cost.evolution.plus(report.cost.measurement);
        let seconds = report.cost.wall_seconds;
        self.line("cost", &format!("{} rollouts, {} tokens, {seconds:.0} s", all.rollouts, all.tokens()));
        let early = [Some(report.ended), report.cut_short]
            .into_iter()
            .flatten()
            .find(|stop| stop.continues() || matches!(stop, Stop::WallClock | Stop::Rollouts | Stop::Tokens));
        if let Some(stop) = report.cut_short.or(early) {
            let missing = if report.cut_short.is_some() { "; not everything was measured" } else { "" };
            self.line("missing", &format!("{}{missing}", ended(stop)));
        }
    }
}

/// A text in lines of at most so many characters, broken between words where it can be.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrapped("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrapped("", 8), [""]);
        assert_eq!(wrapped("abcdefghijkl mn", 8), ["abcdefghijkl", "mn"]);
    }
}
