//! The report as one self-contained page: light and dark, printable, no script, nothing fetched.
//!
//! The templates are checked when they are compiled, and every text in them is escaped by the library unless it is markup
//! already.

use evolve_gate::interval::Interval;
use harness_trace::Split;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::terminal::{counts, credited, footnotes, made, percent, points};
use super::{Cell, Contrast, Report, charts, ended};

const STYLE: &str = r"
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5c6675;--paper:#fbfbf9;--card:#fff;--line:#dfe2e6;--final:#0f7b6c;--initial:#5b6fb5;--other:#a9b1bd;--good:#0f7b6c;--bad:#b3372f;--open:#8a6d1a}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaf0;--soft:#9aa5b5;--paper:#14171c;--card:#1b1f26;--line:#2f353f;--final:#3fbfa9;--initial:#8ea0e6;--other:#59626f;--good:#3fbfa9;--bad:#e5786f;--open:#d7b65a}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:900px;margin:0 auto;padding:2rem 1rem}h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}
section.suite{border-top:3px solid var(--line);margin-top:3rem;padding-top:1rem}section.suite:first-of-type{border:0;margin-top:0}
p.note,.soft{color:var(--soft);font-size:.9rem}.headline{font-size:1.25rem;padding:1rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
.good{color:var(--good)}.bad{color:var(--bad)}.open{color:var(--open)}.flag{color:var(--bad);font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.9rem;background:var(--card)}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}td:first-child,th:not(:last-child){white-space:nowrap}td:last-child{min-width:9rem}
td.num{white-space:nowrap;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}figure{margin:1rem 0;padding:1rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
svg{width:100%;height:auto;display:block}.label{font:12px system-ui,sans-serif;fill:var(--soft)}.value{font:12px system-ui,sans-serif;fill:var(--ink)}
.bar.final{fill:var(--final)}.bar.initial{fill:var(--initial)}.bar.other{fill:var(--other)}.whisker{stroke:var(--ink);stroke-width:2}.grid{stroke:var(--line)}
.curve{fill:none;stroke:var(--initial);stroke-width:2}.dot{fill:var(--initial)}.dot.ship{fill:var(--final)}
pre{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;overflow-x:auto;font-size:.85rem}
@media print{body{background:#fff}main{max-width:none;padding:0}section.suite{break-before:page}section.suite:first-of-type{break-before:auto}figure,tr{break-inside:avoid}.wide{overflow:visible}table,table .soft{font-size:.72rem}td.num{white-space:normal}td:last-child{min-width:0}details>*{display:block}}
";

/// One page with every suite's report.
pub fn render_html(reports: &[Report]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "harness evolution" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { @for report in reports { (suite(report)) } } }
        }
    };
    page.into_string() + "\n"
}

fn suite(report: &Report) -> Markup {
    let (explore, gate, sealed) = &report.groups;
    html! {
        section.suite {
            h1 { (report.label) " · " (report.model) }
            @if report.simulated { p.flag { "Simulated: no language model took part." } }
            p.note {
                "Run " (report.run) ", seed " (report.seed) ". Groups: " (explore) " explore, " (gate)
                " gate, " (sealed) " sealed. Sealed looks before this one: "
                (report.sealed_looks_before) "."
            }
            @for (name, split, seen) in [("Gate", Split::Gate, &report.looks.gate), ("Sealed", Split::Sealed, &report.looks.sealed)] {
                @if split == Split::Gate || !seen.looks.is_empty() {
                    p.note { (name) " looks before this run: " (seen) "." }
                }
            }
            (headline(report))
            (figure(charts::arms(report, Split::Sealed), "Sealed tasks: nothing of them was seen before the last round."))
            (successes(report))
            (differences(report))
            (credit(report))
            (decisions(report))
            (figure(charts::curve(report), "Explore tasks feed the stages; this is progress, not proof."))
            (figure(Some(charts::funnel(report)), "Where candidates ended."))
            h2 { "What it rests on" }
            ul { @for line in footnotes(report) { li { (line) } } }
            h2 { "The final harness" }
            pre { (report.final_toml) }
        }
    }
}

fn figure(chart: Option<Markup>, caption: &str) -> Markup {
    html! {
        @if let Some(chart) = chart {
            figure { (chart) figcaption.soft { (caption) } }
        }
    }
}

/// A table that scrolls sideways where the page is narrow.
fn table(columns: &[&str], rows: &Markup) -> Markup {
    html! {
        div.wide {
            table {
                tr { @for column in columns { th { (column) } } }
                (rows)
            }
        }
    }
}

fn sign(low: f64, high: f64) -> &'static str {
    if low > 0.0 {
        "good"
    } else if high < 0.0 {
        "bad"
    } else {
        "open"
    }
}

/// A difference as the first thing to be read, with what it is of.
fn lead(difference: &Interval, of: &Markup) -> Markup {
    html! {
        p.headline {
            b class=(sign(difference.low, difference.high)) { (points(difference)) }
            " on sealed tasks: " (of) ". "
            span.soft { (counts(difference)) "; 95 % interval over groups." }
        }
    }
}

fn headline(report: &Report) -> Markup {
    let Some(Contrast { difference, arm, against, .. }) = report.headline() else {
        return html! { p.headline.open { "The sealed split was not measured: there is no headline." } };
    };
    let of = html! { (arm) " minus the better of the initial harness and the no-model controls (" (against) ")" };
    lead(difference, &of)
}

fn cell(cell: &Cell) -> Markup {
    html! {
        td.num {
            (percent(&cell.success))
            br;
            span.soft {
                (counts(&cell.success))
                @for (name, part) in &cell.parts { br; (name) ": " (percent(part)) }
                @if cell.lost > 0 { br; (cell.lost) " lost" }
            }
        }
    }
}

fn successes(report: &Report) -> Markup {
    let rows = html! {
        @for row in &report.rows {
            tr {
                td { (row.name) }
                @for split in [Split::Sealed, Split::Gate, Split::Explore] {
                    @if let Some(played) = row.cells.get(&split) { (cell(played)) } @else { td { "—" } }
                }
                td { (row.edits) }
            }
        }
    };
    html! {
        h2 { "Success" }
        (table(&["Arm", "Sealed", "Gate", "Explore", "How it differs from the initial harness"], &rows))
        @if let Some(stop) = report.cut_short {
            p.flag { "Not everything was measured: " (ended(stop)) "." }
        }
    }
}

fn differences(report: &Report) -> Markup {
    let rows = html! {
        @for contrast in &report.contrasts {
            @let difference = &contrast.difference;
            tr {
                td { (contrast.split.name()) }
                td {
                    (contrast.arm) " − " (contrast.against)
                    @if contrast.headline { " (the better of initial and no-model)" }
                }
                td class={ "num " (sign(difference.low, difference.high)) } { (points(difference)) }
                td { (counts(difference)) }
            }
        }
    };
    html! {
        h2 { "Differences, paired by task and seed" }
        (table(&["Split", "Arms", "Difference", "n"], &rows))
    }
}

fn credit(report: &Report) -> Markup {
    html! {
        h2 { "To whom it is owed" }
        @if let Some(variants) = &report.variants {
            @if let Some(Contrast { difference, against, .. }) = &variants.against_single {
                (lead(difference, &html! {
                    (variants.variants.len()) " variants minus the best single harness (" (against) ")"
                }))
            }
            (table(&["Variant", "Plays", "How it differs from the initial harness"], &html! {
                @for (name, plays, edits) in &variants.variants {
                    tr { td { (name) } td { (plays) } td { (edits) } }
                }
            }))
        }
        ul {
            @for line in credited(report).iter().filter(|line| !line.starts_with("variant ")) { li { (line) } }
        }
    }
}

fn decisions(report: &Report) -> Markup {
    let rejected = html! {
        @for one in &report.rejected {
            tr { td { (one.round) } td { (one.at) } td { (one.edit) } td { (one.reason) } }
        }
    };
    html! {
        h2 { "Shipped (" (report.ships.len()) ")" }
        @if report.ships.is_empty() { p { "Nothing was proven better: " (ended(report.ended)) "." } }
        @for ship in &report.ships {
            p {
                b.good { (ship.edit) } (made(ship))
                br;
                span.soft {
                    "Round " (ship.round) ", meant for " (ship.meant_for.as_deref().unwrap_or("nothing in particular"))
                    ". Proven on the gate groups after the first " (ship.used_up) ": n = " (ship.groups) " groups (" (ship.tasks) " tasks), α = "
                    (format!("{:.4}", ship.alpha)) ", capital " (format!("{:.1}", ship.capital))
                    ", mean difference at the stop " (format!("{:+.2}", ship.mean_difference))
                    " (biased by stopping). Predicted unlocks: "
                    (ship.unlocked.map_or("not scored".to_owned(), |(hits, of)| format!("{hits} of {of}")))
                    ". Panel " (ship.panel) "."
                }
            }
        }
        @if let Some(ships) = &report.generic_ships {
            p.note {
                "Generic modules only shipped: "
                (if ships.is_empty() { "nothing".to_owned() } else { ships.join(" · ") }) "."
            }
        }
        h2 { "Not shipped (" (report.rejected.len()) ")" }
        details {
            summary { "Every candidate with its reason" }
            (table(&["Round", "At", "Edit", "Why"], &rejected))
        }
        p.note { "Ended: " (ended(report.ended)) "." }
    }
}
