//! `harness trace diff`: two episodes side by side, from where they part. How long something took and whether it came out of the
//! record is no difference.

use harness_trace::{CallKey, Entry, EpisodeRow, Store, TraceError};
use serde_json::{Value, json};

use super::{Global, one_line, show::describe};
use crate::{failure::Failure, output};

/// Entries shown of each side; `--json` has them all.
const SHOWN: usize = 20;

type Entries = Vec<(u64, Entry)>;

/// Compares two episodes.
pub fn run(global: &Global, store: &Store, a: &EpisodeRow, b: &EpisodeRow) -> Result<(), Failure> {
    let read = |row: &EpisodeRow| store.entries(row)?.collect::<Result<Entries, TraceError>>();
    let (left, right) = (read(a)?, read(b)?);
    let alike = left.iter().zip(&right).take_while(|((_, a), (_, b))| said(a) == said(b)).count();
    let (rest_a, rest_b) = (left.get(alike..).unwrap_or_default(), right.get(alike..).unwrap_or_default());
    let end = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|((_, a), (_, b))| said(a) == said(b)).count();
    let (only_a, only_b) =
        (rest_a.get(..rest_a.len() - end).unwrap_or_default(), rest_b.get(..rest_b.len() - end).unwrap_or_default());
    let parts = rest_a.first().or(rest_b.first()).map(|(step, _)| *step);
    // Requests may differ before anything that was said does: other tools, sampling, seed.
    let asked = left.iter().zip(&right).position(|((_, a), (_, b))| key(a) != key(b));
    let asked = asked.and_then(|at| left.get(at)).map(|(step, _)| *step);
    let facts = facts(a, b);
    if global.json {
        let side = |entries: &[(u64, Entry)]| -> Vec<Value> {
            entries.iter().map(|(step, entry)| json!({"step": step, "entry": entry})).collect()
        };
        return output::json(&json!({
            "episodes": [a.start.episode, b.start.episode], "alike": alike, "alike_at_end": end, "parts_at_step": parts,
            "first_other_request_at_step": asked, "facts": facts.iter().map(|(name, a, b)| json!({"name": name, "values": [a, b]})).collect::<Vec<_>>(),
            "only": [side(only_a), side(only_b)],
        }));
    }
    output::line(format_args!("- {}\n+ {}", a.start.episode, b.start.episode))?;
    for (name, a, b) in &facts {
        output::line(format_args!("{name:<8} - {a}\n{:<8} + {b}", ""))?;
    }
    match parts {
        None => output::line(format_args!("all {alike} entries are alike"))?,
        Some(step) => output::line(format_args!("{alike} entries are alike; they part at step {step}"))?,
    }
    if let Some(step) = asked.filter(|step| parts.is_none_or(|parts| *step < parts)) {
        output::line(format_args!("a model was asked something else at step {step}: tools, sampling, model or seed"))?;
    }
    for (sign, entries) in [("-", only_a), ("+", only_b)] {
        for (step, entry) in entries.iter().take(SHOWN) {
            output::line(format_args!("{sign} {step:>3}  {}", one_line(&describe(entry), 160)))?;
        }
        if entries.len() > SHOWN {
            output::line(format_args!("{sign}      and {} more", entries.len() - SHOWN))?;
        }
    }
    if end > 0 {
        output::line(format_args!("the last {end} entries are alike again"))?;
    }
    Ok(())
}

/// What an entry says, without what it took.
fn said(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    match &mut entry {
        Entry::Chat { key, usage, began, micros, replayed, .. }
        | Entry::Score { key, usage, began, micros, replayed, .. } => {
            (*key, *usage, *began, *micros, *replayed) = (CallKey::default(), Default::default(), None, 0, false);
        }
        Entry::Tool { began, micros, .. } => (*began, *micros) = (None, 0),
        _ => {}
    }
    entry
}

fn key(entry: &Entry) -> Option<CallKey> {
    match entry {
        Entry::Chat { key, .. } | Entry::Score { key, .. } => Some(*key),
        _ => None,
    }
}

/// What differs of the episodes as a whole.
fn facts(a: &EpisodeRow, b: &EpisodeRow) -> Vec<(&'static str, String, String)> {
    let of = |row: &EpisodeRow| {
        [
            ("harness", row.start.harness.clone()),
            ("task", one_line(&row.start.task, 160)),
            ("seed", row.start.seed.to_string()),
            ("outcome", format!("{}: {}", row.outcome.map_or("not ended", harness_trace::Outcome::name), row.reason)),
            ("reward", row.reward().map_or("not judged".to_owned(), |reward| reward.to_string())),
            ("steps", row.steps.to_string()),
            ("tokens", format!("{} + {}", row.usage.input_tokens, row.usage.output_tokens)),
        ]
    };
    let pairs = of(a).into_iter().zip(of(b));
    pairs.filter(|((_, a), (_, b))| a != b).map(|((name, a), (_, b))| (name, a, b)).collect()
}
