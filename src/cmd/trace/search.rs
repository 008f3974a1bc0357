//! `harness trace search`: where words stand in what was recorded.

use harness_trace::{Filter, Hit, Store};
use serde_json::{Value, json};

use super::{Global, one_line};
use crate::{failure::Failure, output};

/// Where words stand in the episodes of a filter, for machines.
pub fn found(store: &Store, filter: &Filter, words: &str, limit: usize) -> Result<Value, Failure> {
    let hits: Vec<Value> = looked_for(store, filter, words, limit)?
        .iter()
        .map(|hit| {
            let (episode, num) = (&hit.episode.start.episode, hit.episode.num);
            json!({"episode": episode, "num": num, "step": hit.step, "kind": hit.kind, "excerpt": hit.excerpt})
        })
        .collect();
    Ok(json!({"hits": hits}))
}

fn looked_for(store: &Store, filter: &Filter, words: &str, limit: usize) -> Result<Vec<Hit>, Failure> {
    if words.trim().is_empty() {
        return Err(Failure::input("there are no words to look for"));
    }
    Ok(store.search(filter, words, limit)?)
}

/// Looks through the episodes of a filter.
pub fn run(global: &Global, store: &Store, filter: &Filter, words: &str, limit: usize) -> Result<(), Failure> {
    if global.json {
        return output::json(&found(store, filter, words, limit)?);
    }
    let hits = looked_for(store, filter, words, limit)?;
    for hit in &hits {
        let step = hit.step.map_or_else(String::new, |step| format!(" step {step}"));
        let place = format!("{}{step} {}", hit.episode.start.episode, hit.kind);
        output::line(format_args!("{place}: {}", one_line(&hit.excerpt, 160)))?;
    }
    let more = if hits.len() == limit { "; more with --limit" } else { "" };
    output::line(format_args!("{} places{more}", hits.len()))
}
