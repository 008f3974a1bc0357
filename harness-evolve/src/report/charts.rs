//! Charts as inline SVG. Colours are CSS variables of the page, so that they follow its theme.

use std::fmt::Write;

use evolve_gate::Split;

use super::html::escape;
use super::{Report, split_name};
use crate::controls::Role;

const WIDTH: f64 = 720.0;
const LABEL: f64 = 170.0;
const BAR: f64 = 26.0;

/// Where a share of 1 lies.
fn x(share: f64) -> f64 {
    LABEL + share * (WIDTH - LABEL - 60.0)
}

/// Every arm on a split with its interval.
pub fn arms(report: &Report, split: Split) -> String {
    let rows: Vec<_> = report.rows.iter().filter_map(|row| Some((row, row.cells.get(&split)?))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let height = BAR * rows.len() as f64 + 34.0;
    let title = format!("Success on {} with 95 % intervals", split_name(split));
    let mut svg = open(height, &title);
    grid(&mut svg, height - 24.0);
    for (k, (row, cell)) in rows.iter().enumerate() {
        let y = BAR * k as f64 + 17.0;
        let class = match row.role {
            Role::Final => "final",
            Role::Initial => "initial",
            _ => "other",
        };
        let success = &cell.success;
        let _ = write!(
            svg,
            r#"<text x="{}" y="{}" class="label" text-anchor="end">{}</text>
<rect x="{LABEL}" y="{}" width="{:.1}" height="14" rx="3" class="bar {class}"/>
<line x1="{:.1}" y1="{y}" x2="{:.1}" y2="{y}" class="whisker"/>
<text x="{:.1}" y="{}" class="value">{:.1} %</text>"#,
            LABEL - 8.0,
            y + 4.0,
            escape(&row.name),
            y - 7.0,
            (x(success.mean) - LABEL).max(1.0),
            x(success.low),
            x(success.high),
            x(success.high.max(success.mean)) + 6.0,
            y + 4.0,
            success.mean * 100.0
        );
    }
    svg + "</svg>"
}

/// Explore success of the incumbent, round by round: where it was improved, not where it is proven.
pub fn curve(report: &Report) -> String {
    let points: Vec<(u32, f64, bool)> = report
        .rounds
        .iter()
        .map(|round| (round.round, round.passed as f64 / round.tasks.max(1) as f64, round.shipped))
        .collect();
    if points.is_empty() {
        return String::new();
    }
    let height = 210.0;
    let mut svg = open(height, "Explore tasks passed at the head of each round");
    let step = (WIDTH - LABEL - 60.0) / points.len().max(2) as f64;
    let at = |k: usize, share: f64| (LABEL + step * (k as f64 + 0.5), 170.0 - share * 150.0);
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let y = 170.0 - share * 150.0;
        let _ = write!(
            svg,
            r#"<line x1="{LABEL}" y1="{y}" x2="{}" y2="{y}" class="grid"/><text x="{}" y="{}" class="label" text-anchor="end">{:.0} %</text>"#,
            WIDTH - 60.0,
            LABEL - 8.0,
            y + 4.0,
            share * 100.0
        );
    }
    let path: Vec<String> =
        points.iter().enumerate().map(|(k, p)| at(k, p.1)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(svg, r#"<polyline points="{}" class="curve"/>"#, path.join(" "));
    for (k, (round, share, shipped)) in points.iter().enumerate() {
        let (x, y) = at(k, *share);
        let class = if *shipped { "dot ship" } else { "dot" };
        let note = if *shipped { ", shipped" } else { "" };
        let _ = write!(
            svg,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="5" class="{class}"/><text x="{x:.1}" y="194" class="label" text-anchor="middle">round {round}{note}</text>"#
        );
    }
    svg + "</svg>"
}

/// How many candidates reached which stage.
pub fn funnel(report: &Report) -> String {
    let sum = |of: fn(&super::RoundRow) -> usize| report.rounds.iter().map(of).sum::<usize>();
    let stages = [
        ("proposed", sum(|round| round.proposed)),
        ("screened", sum(|round| round.screened)),
        ("survived", sum(|round| round.survived)),
        ("judged", sum(|round| round.judged)),
        ("shipped", report.ships.len()),
    ];
    let most = stages.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1) as f64;
    let mut svg = open(BAR * stages.len() as f64 + 10.0, "Candidates by stage, pairs of good ones added at the screen");
    for (k, (name, count)) in stages.iter().enumerate() {
        let y = BAR * k as f64 + 17.0;
        let width = (x(*count as f64 / most) - LABEL).max(1.0);
        let _ = write!(
            svg,
            r#"<text x="{}" y="{}" class="label" text-anchor="end">{name}</text><rect x="{LABEL}" y="{}" width="{width:.1}" height="14" rx="3" class="bar other"/><text x="{:.1}" y="{}" class="value">{count}</text>"#,
            LABEL - 8.0,
            y + 4.0,
            y - 7.0,
            LABEL + width + 6.0,
            y + 4.0
        );
    }
    svg + "</svg>"
}

fn open(height: f64, title: &str) -> String {
    let title = escape(title);
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}"><title>{title}</title>"#)
}

fn grid(svg: &mut String, height: f64) {
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = x(share);
        let _ = write!(
            svg,
            r#"<line x1="{at:.1}" y1="4" x2="{at:.1}" y2="{height}" class="grid"/><text x="{at:.1}" y="{}" class="label" text-anchor="middle">{:.0} %</text>"#,
            height + 16.0,
            share * 100.0
        );
    }
}
