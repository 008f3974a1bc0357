//! `harness trace search`: where words stand in what was recorded.

use harness_trace::{Filter, Store};
use serde_json::{Value, json};

use super::{Global, one_line};
use crate::{failure::Failure, output};

/// Looks through the episodes of a filter.
pub fn run(global: &Global, store: &Store, filter: &Filter, words: &str, limit: usize) -> Result<(), Failure> {
    if words.trim().is_empty() {
        return Err(Failure::input("there are no words to look for"));
    }
    let hits = store.search(filter, words, limit)?;
    if global.json {
        let hits: Vec<Value> = hits
            .iter()
            .map(|hit| {
                let (episode, num) = (&hit.episode.start.episode, hit.episode.num);
                json!({"episode": episode, "num": num, "step": hit.step, "kind": hit.kind, "excerpt": hit.excerpt})
            })
            .collect();
        return output::json(&json!({"hits": hits}));
    }
    for hit in &hits {
        let step = hit.step.map_or_else(String::new, |step| format!(" step {step}"));
        let place = format!("{}{step} {}", hit.episode.start.episode, hit.kind);
        output::line(format_args!("{place}: {}", one_line(&hit.excerpt, 160)))?;
    }
    let more = if hits.len() == limit { "; more with --limit" } else { "" };
    output::line(format_args!("{} places{more}", hits.len()))
}
