//! `harness trace digest`: how recorded episodes fail, by the exact tests of the failure categories, those of installed packs
//! among them.

use harness_evolve::{Categories, RecordDigest};
use harness_trace::{Filter, Store};
use serde_json::json;

use crate::{cmd::Global, failure::Failure, output, wire};

/// Reads every episode of a filter, with as many readers as there are processors.
pub fn run(global: &Global, store: &Store, filter: &Filter) -> Result<(), Failure> {
    let host = wire::host(&global.plugins)?;
    let categories = Categories::of(host.catalogue());
    let readers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut digest = RecordDigest::default();
    digest.extend(store, filter, &categories, readers)?;
    let landscape = digest.landscape();
    if global.json {
        return output::json(&json!({"episodes": digest.episodes, "landscape": landscape}));
    }
    let (episodes, tasks) = (digest.episodes, landscape.tasks);
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
