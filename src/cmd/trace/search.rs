//! `harness trace search`: where words stand in what was recorded.

use harness_trace::{Filter, Hit, Store};
use serde_json::{Value, json};

use super::{Global, one_line, told};
use crate::{failure::Failure, output};

/// Where words stand, for machines.
pub fn found(hits: &[Hit]) -> Value {
    let hits = hits.iter().map(|hit| {
        let (episode, num) = (&hit.episode.start.episode, hit.episode.num);
        json!({"episode": episode, "num": num, "step": hit.step, "kind": hit.kind, "excerpt": hit.excerpt})
    });
    json!({"hits": hits.collect::<Vec<_>>()})
}

/// Where words stand in the episodes of a filter.
pub fn looked_for(store: &Store, filter: &Filter, words: &str, limit: usize) -> Result<Vec<Hit>, Failure> {
    if words.trim().is_empty() {
        return Err(Failure::input("there are no words to look for"));
    }
    Ok(store.search(filter, words, limit)?)
}

/// Looks through the episodes of a filter.
pub fn run(global: &Global, store: &Store, filter: &Filter, words: &str, limit: usize) -> Result<(), Failure> {
    let hits = looked_for(store, filter, words, limit)?;
    told(global, store, hits.iter().map(|hit| (&hit.episode).into()))?;
    if global.json {
        return output::json(&found(&hits));
    }
    for hit in &hits {
        let step = hit.step.map_or_else(String::new, |step| format!(" step {step}"));
        let place = format!("{}{step} {}", hit.episode.start.episode, hit.kind);
        output::line(format_args!("{place}: {}", one_line(&hit.excerpt, 160)))?;
    }
    let more = if hits.len() == limit { "; more with --limit" } else { "" };
    output::line(format_args!("{} places{more}", hits.len()))
}
