//! `harness trace digest`: how recorded episodes fail, by the exact tests of the failure categories, those of installed packs
//! among them.

use evolve_gate::Outcome;
use harness_bench::Scored;
use harness_evolve::{Categories, Census};
use harness_trace::{Filter, Outcome as Ending, Store};
use serde_json::json;

use crate::{cmd::Global, evaluator::played, failure::Failure, output, wire};

/// Reads every episode of a filter, with as many readers as there are processors.
pub fn run(global: &Global, store: &Store, filter: &Filter) -> Result<(), Failure> {
    let host = wire::host(&global.plugins)?;
    let categories = Categories::of(host.catalogue());
    let readers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut census = Census::default();
    census.extend(store, filter, &categories, readers, |row| {
        let mut seen = played(Scored::of(row));
        if row.grade.is_none() && row.outcome == Some(Ending::Done) {
            // Nobody said whether it failed.
            seen.outcome = Outcome::Infrastructure;
        }
        seen
    })?;
    let landscape = census.landscape();
    if global.json {
        return output::json(&json!({"episodes": census.episodes, "landscape": landscape}));
    }
    let (episodes, tasks) = (census.episodes, landscape.tasks);
    output::line(format_args!("{episodes} episodes of {tasks} tasks; {} tasks pass always", landscape.passed))?;
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
