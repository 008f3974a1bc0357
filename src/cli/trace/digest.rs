//! `harness trace digest`: how recorded episodes fail.

use harness::{
    App, Failure,
    app::record::{Digested, Which, digest},
};

use crate::cli::{Global, output, progress::shown};

/// Reads the episodes.
pub fn run(app: &App, global: &Global, which: Which) -> Result<(), Failure> {
    let digested = shown(global, |control| digest(app, &which, control))?;
    if global.json {
        return output::json(&digested);
    }
    let Digested { episodes, landscape } = &digested;
    output::line(format_args!(
        "{episodes} episodes of {} tasks; {} tasks pass always",
        landscape.tasks, landscape.passed
    ))?;
    for cluster in &landscape.clusters {
        let place = cluster.anchors.first();
        let place = place.map(|anchor| format!("; step {} of `harness trace show {}`", anchor.step, anchor.episode));
        output::line(format_args!(
            "{:>6}  {:<18} {:>5.1} %{}",
            cluster.tasks.len(),
            cluster.category.name(),
            cluster.share * 100.0,
            place.unwrap_or_default(),
        ))?;
    }
    Ok(())
}
