//! The report as one self-contained page: light and dark, printable, no script, nothing fetched.

use std::fmt::Write;

use evolve_gate::Split;

use super::terminal::{counts, credited, footnotes, made, percent, points};
use super::{Report, charts, ended, split_name};

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

/// Text as it may stand in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One page with every suite's report.
pub fn render_html(reports: &[Report]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>harness evolution</title><style>{STYLE}</style></head><body><main>"
    );
    for report in reports {
        // Writing to a string cannot fail.
        let _ = suite(&mut page, report);
    }
    page + "</main></body></html>\n"
}

fn suite(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(out, "<section class=\"suite\"><h1>{} · {}</h1>", escape(&report.label), escape(&report.model))?;
    if report.simulated {
        write!(out, "<p class=\"flag\">Simulated: no language model took part.</p>")?;
    }
    let (explore, folds, sealed) = &report.groups;
    write!(
        out,
        "<p class=\"note\">Run {}, seed {}. Groups: {explore} explore, {} gate in {} folds, {sealed} sealed. Sealed looks before this one: {}.</p>",
        escape(&report.run),
        report.seed,
        folds.iter().sum::<usize>(),
        folds.len(),
        report.sealed_looks_before
    )?;
    headline(out, report)?;
    figure(out, &charts::arms(report, Split::Sealed), "Sealed tasks: nothing of them was seen before the last round.")?;
    table(out, report)?;
    differences(out, report)?;
    credit(out, report)?;
    decisions(out, report)?;
    figure(out, &charts::curve(report), "Explore tasks feed the stages; this is progress, not proof.")?;
    figure(out, &charts::funnel(report), "Where candidates ended.")?;
    write!(out, "<h2>What it rests on</h2><ul>")?;
    for line in footnotes(report) {
        write!(out, "<li>{}</li>", escape(&line))?;
    }
    write!(out, "</ul><h2>The final harness</h2><pre>{}</pre></section>", escape(&report.final_toml))
}

fn figure(out: &mut String, svg: &str, caption: &str) -> std::fmt::Result {
    if svg.is_empty() {
        return Ok(());
    }
    write!(out, "<figure>{svg}<figcaption class=\"soft\">{caption}</figcaption></figure>")
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

fn headline(out: &mut String, report: &Report) -> std::fmt::Result {
    let Some(contrast) = report.headline() else {
        return write!(out, "<p class=\"headline open\">The sealed split was not measured: there is no headline.</p>");
    };
    let difference = &contrast.difference;
    write!(
        out,
        "<p class=\"headline\"><b class=\"{}\">{}</b> on sealed tasks: {} minus the better of the initial harness and the no-model controls ({}). <span class=\"soft\">{}; 95 % interval over groups.</span></p>",
        sign(difference.low, difference.high),
        points(difference),
        escape(&contrast.arm),
        escape(&contrast.against),
        counts(difference)
    )
}

fn table(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(
        out,
        "<h2>Success</h2><div class=\"wide\"><table><tr><th>Arm</th><th>Sealed</th><th>Gate</th><th>Explore</th><th>How it differs from the initial harness</th></tr>"
    )?;
    for row in &report.rows {
        write!(out, "<tr><td>{}</td>", escape(&row.name))?;
        for split in [Split::Sealed, Split::Gate, Split::Explore] {
            let Some(cell) = row.cells.get(&split) else {
                write!(out, "<td>—</td>")?;
                continue;
            };
            write!(
                out,
                "<td class=\"num\">{}<br><span class=\"soft\">{}",
                percent(&cell.success),
                counts(&cell.success)
            )?;
            for (name, part) in &cell.parts {
                write!(out, "<br>{}: {}", escape(name), percent(part))?;
            }
            if cell.lost > 0 {
                write!(out, "<br>{} lost", cell.lost)?;
            }
            write!(out, "</span></td>")?;
        }
        write!(out, "<td>{}</td></tr>", escape(&row.edits))?;
    }
    write!(out, "</table></div>")?;
    match report.cut_short {
        Some(stop) => write!(out, "<p class=\"flag\">Not everything was measured: {}.</p>", ended(stop)),
        None => Ok(()),
    }
}

fn differences(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(
        out,
        "<h2>Differences, paired by task and seed</h2><div class=\"wide\"><table><tr><th>Split</th><th>Arms</th><th>Difference</th><th>n</th></tr>"
    )?;
    for contrast in &report.contrasts {
        let difference = &contrast.difference;
        write!(
            out,
            "<tr><td>{}</td><td>{} − {}{}</td><td class=\"num {}\">{}</td><td>{}</td></tr>",
            split_name(contrast.split),
            escape(&contrast.arm),
            escape(&contrast.against),
            if contrast.headline { " (the better of initial and no-model)" } else { "" },
            sign(difference.low, difference.high),
            points(difference),
            counts(difference)
        )?;
    }
    write!(out, "</table></div>")
}

fn credit(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(out, "<h2>To whom it is owed</h2>")?;
    if let Some(variants) = &report.variants {
        if let Some(contrast) = &variants.against_single {
            let difference = &contrast.difference;
            write!(
                out,
                "<p class=\"headline\"><b class=\"{}\">{}</b> on sealed tasks: {} variants minus the best single harness ({}). <span class=\"soft\">{}; 95 % interval over groups.</span></p>",
                sign(difference.low, difference.high),
                points(difference),
                variants.variants.len(),
                escape(&contrast.against),
                counts(difference)
            )?;
        }
        write!(
            out,
            "<div class=\"wide\"><table><tr><th>Variant</th><th>Plays</th><th>How it differs from the initial harness</th></tr>"
        )?;
        for (name, plays, edits) in &variants.variants {
            write!(out, "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", escape(name), escape(plays), escape(edits))?;
        }
        write!(out, "</table></div>")?;
    }
    write!(out, "<ul>")?;
    for line in credited(report).iter().filter(|line| !line.starts_with("variant ")) {
        write!(out, "<li>{}</li>", escape(line))?;
    }
    write!(out, "</ul>")
}

fn decisions(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(out, "<h2>Shipped ({})</h2>", report.ships.len())?;
    if report.ships.is_empty() {
        write!(out, "<p>Nothing was proven better: {}.</p>", ended(report.ended))?;
    }
    for ship in &report.ships {
        let unlocked = ship.unlocked.map_or("not scored".to_owned(), |(hits, of)| format!("{hits} of {of}"));
        write!(
            out,
            "<p><b class=\"good\">{}</b>{}<br><span class=\"soft\">Round {}, meant for {}. Proven on fold {}: n = {} groups ({} tasks), α = {:.4}, capital {:.1}, mean difference at the stop {:+.2} (biased by stopping). Predicted unlocks: {unlocked}. Panel {}.</span></p>",
            escape(&ship.edit),
            escape(&made(ship)),
            ship.round,
            ship.meant_for.as_deref().unwrap_or("nothing in particular"),
            ship.fold,
            ship.groups,
            ship.tasks,
            ship.alpha,
            ship.capital,
            ship.mean_difference,
            escape(&ship.panel)
        )?;
    }
    if let Some(ships) = &report.generic_ships {
        let shown = if ships.is_empty() { "nothing".to_owned() } else { ships.join(" · ") };
        write!(out, "<p class=\"note\">Generic modules only shipped: {}.</p>", escape(&shown))?;
    }
    write!(
        out,
        "<h2>Not shipped ({})</h2><details><summary>Every candidate with its reason</summary><div class=\"wide\"><table><tr><th>Round</th><th>At</th><th>Edit</th><th>Why</th></tr>",
        report.rejected.len()
    )?;
    for one in &report.rejected {
        let (edit, reason) = (escape(&one.edit), escape(&one.reason));
        write!(out, "<tr><td>{}</td><td>{}</td><td>{edit}</td><td>{reason}</td></tr>", one.round, one.at)?;
    }
    write!(out, "</table></div></details><p class=\"note\">Ended: {}.</p>", ended(report.ended))
}
