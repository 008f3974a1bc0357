//! `harness trace diff`: two episodes side by side, from where they part.

use harness::{
    App, Failure,
    app::record::{DiffRequest, Difference, StepEntry, diff},
};

use crate::{
    cli::{Global, output, progress::shown},
    render::{episode::describe, one_line},
};

/// Entries shown of each side; `--json` has them all.
const SHOWN: usize = 20;

/// Compares two episodes.
pub fn run(app: &App, global: &Global, request: DiffRequest) -> Result<(), Failure> {
    let compared = shown(global, |control| diff(app, &request, control))?;
    if global.json {
        return output::json(&compared);
    }
    let [a, b] = &compared.episodes;
    output::line(format_args!("- {a}\n+ {b}"))?;
    for Difference { name, values: [a, b] } in &compared.facts {
        let (a, b) = (one_line(a, 160), one_line(b, 160));
        output::line(format_args!("{name:<8} - {a}\n{:<8} + {b}", ""))?;
    }
    let (alike, parts) = (compared.alike, compared.parts_at_step);
    match parts {
        None => output::line(format_args!("all {alike} entries are alike"))?,
        Some(step) => output::line(format_args!("{alike} entries are alike; they part at step {step}"))?,
    }
    let asked = compared.first_other_request_at_step;
    if let Some(step) = asked.filter(|step| parts.is_none_or(|parts| *step < parts)) {
        output::line(format_args!("a model was asked something else at step {step}: tools, sampling, model or seed"))?;
    }
    for (sign, entries) in ["-", "+"].iter().zip(&compared.only) {
        for StepEntry { step, entry } in entries.iter().take(SHOWN) {
            output::line(format_args!("{sign} {step:>3}  {}", one_line(&describe(entry), 160)))?;
        }
        if entries.len() > SHOWN {
            output::line(format_args!("{sign}      and {} more", entries.len() - SHOWN))?;
        }
    }
    match compared.alike_at_end {
        0 => Ok(()),
        end => output::line(format_args!("the last {end} entries are alike again")),
    }
}
