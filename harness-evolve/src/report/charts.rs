//! Charts as inline SVG. Colours are CSS variables of the page, so that they follow its theme.
//!
//! An empty element is written with `{}`, as an element with an end tag: inside SVG a browser does not close `rect` by itself.

use harness_trace::Split;
use maud::{Markup, html};

use super::Report;
use crate::arms::ArmKind;

/// Width of a chart, in units of its view box.
const WIDTH: f64 = 720.0;
/// Where labels end and bars begin.
const LABEL: f64 = 170.0;
/// Height of a bar with the space around it.
const BAR: f64 = 26.0;

/// Where a share of 1 lies.
fn x(share: f64) -> f64 {
    LABEL + share * (WIDTH - LABEL - 60.0)
}

/// A coordinate, to a tenth.
fn tenth(at: f64) -> String {
    format!("{at:.1}")
}

/// A share of 1 in whole per cent.
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Every arm on a split with its interval; nothing where no arm was played on it.
pub fn arms(report: &Report, split: Split) -> Option<Markup> {
    let rows: Vec<_> = report.rows.iter().filter_map(|row| Some((row, row.cells.get(&split)?))).collect();
    if rows.is_empty() {
        return None;
    }
    let height = BAR * rows.len() as f64 + 34.0;
    let bars = rows.iter().enumerate().map(|(k, (row, cell))| {
        let y = BAR * k as f64 + 17.0;
        let class = match row.kind {
            ArmKind::Final => "final",
            ArmKind::Initial => "initial",
            _ => "other",
        };
        let success = &cell.success;
        html! {
            text x=(LABEL - 8.0) y=(y + 4.0) class="label" text-anchor="end" { (row.name) }
            rect x=(LABEL) y=(y - 7.0) width=(tenth((x(success.mean) - LABEL).max(1.0))) height="14" rx="3" class={ "bar " (class) } {}
            line x1=(tenth(x(success.low))) y1=(y) x2=(tenth(x(success.high))) y2=(y) class="whisker" {}
            text x=(tenth(x(success.high.max(success.mean)) + 6.0)) y=(y + 4.0) class="value" {
                (tenth(success.mean * 100.0)) " %"
            }
        }
    });
    let content = html! {
        (grid(height - 24.0))
        @for bar in bars { (bar) }
    };
    Some(drawing(height, &format!("Success on {} with 95 % intervals", split.name()), &content))
}

/// Explore success of the incumbent, round by round: where it was improved, not where it is proven. Nothing without rounds.
pub fn curve(report: &Report) -> Option<Markup> {
    let points: Vec<(u32, f64, bool)> = report
        .rounds
        .iter()
        .map(|round| (round.round, round.passed as f64 / round.tasks.max(1) as f64, round.shipped))
        .collect();
    if points.is_empty() {
        return None;
    }
    let step = (WIDTH - LABEL - 60.0) / points.len().max(2) as f64;
    let at = |k: usize, share: f64| (LABEL + step * (k as f64 + 0.5), 170.0 - share * 150.0);
    let path: Vec<String> =
        points.iter().enumerate().map(|(k, p)| at(k, p.1)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let content = html! {
        @for share in SHARES {
            @let y = 170.0 - share * 150.0;
            line x1=(LABEL) y1=(y) x2=(WIDTH - 60.0) y2=(y) class="grid" {}
            text x=(LABEL - 8.0) y=(y + 4.0) class="label" text-anchor="end" { (percent(share)) }
        }
        polyline points=(path.join(" ")) class="curve" {}
        @for (k, (round, share, shipped)) in points.iter().enumerate() {
            @let (x, y) = at(k, *share);
            circle cx=(tenth(x)) cy=(tenth(y)) r="5" class=(if *shipped { "dot ship" } else { "dot" }) {}
            text x=(tenth(x)) y="194" class="label" text-anchor="middle" {
                "round " (round) @if *shipped { ", shipped" }
            }
        }
    };
    Some(drawing(210.0, "Explore tasks passed at the head of each round", &content))
}

/// How many candidates reached which stage.
pub fn funnel(report: &Report) -> Markup {
    let sum = |of: fn(&super::RoundRow) -> usize| report.rounds.iter().map(of).sum::<usize>();
    let stages = [
        ("proposed", sum(|round| round.proposed)),
        ("screened", sum(|round| round.screened)),
        ("survived", sum(|round| round.survived)),
        ("judged", sum(|round| round.judged)),
        ("shipped", report.ships.len()),
    ];
    let most = stages.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1) as f64;
    let content = html! {
        @for (k, (name, count)) in stages.iter().enumerate() {
            @let y = BAR * k as f64 + 17.0;
            @let width = (x(*count as f64 / most) - LABEL).max(1.0);
            text x=(LABEL - 8.0) y=(y + 4.0) class="label" text-anchor="end" { (name) }
            rect x=(LABEL) y=(y - 7.0) width=(tenth(width)) height="14" rx="3" class="bar other" {}
            text x=(tenth(LABEL + width + 6.0)) y=(y + 4.0) class="value" { (count) }
        }
    };
    let height = BAR * stages.len() as f64 + 10.0;
    drawing(height, "Candidates by stage, pairs of good ones added at the screen", &content)
}

/// A chart with its title, which is what a screen reader says of it.
fn drawing(height: f64, title: &str, content: &Markup) -> Markup {
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(title) {
            title { (title) }
            (content)
        }
    }
}

/// Where a grid has lines.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// Upright lines of a grid with their shares below.
fn grid(height: f64) -> Markup {
    html! {
        @for share in SHARES {
            @let at = tenth(x(share));
            line x1=(at) y1="4" x2=(at) y2=(height) class="grid" {}
            text x=(at) y=(height + 16.0) class="label" text-anchor="middle" { (percent(share)) }
        }
    }
}
