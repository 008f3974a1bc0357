//! Two episodes side by side, from where they part. How long something took and whether it came out of the record is no difference.

use harness_trace::{CallKey, Entry, EpisodeRow, TraceError};
use serde::{Deserialize, Serialize};

use super::{super::looks, App, StepEntry, unknown};
use crate::{Control, Failure};

/// Two episodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiffRequest {
    /// The one, by its id or how it alone begins.
    pub a: String,
    /// The other.
    pub b: String,
}

/// Where two episodes part, and what differs from there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Their ids.
    pub episodes: [String; 2],
    /// Entries that are alike at the beginning.
    pub alike: usize,
    /// Entries that are alike again at the end.
    pub alike_at_end: usize,
    /// The step at which they part; `None`: never.
    pub parts_at_step: Option<u64>,
    /// The first step at which a model was asked something else, whatever it answered.
    pub first_other_request_at_step: Option<u64>,
    /// What differs of the episodes as a whole.
    pub facts: Vec<Difference>,
    /// The entries between, of each.
    pub only: [Vec<StepEntry>; 2],
}

/// What differs, and its value in each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What.
    pub name: String,
    /// Its values.
    pub values: [String; 2],
}

/// Compares two episodes.
///
/// # Errors
///
/// There is no such episode, the record cannot be read, or it was cancelled.
pub fn diff(app: &App, request: &DiffRequest, control: &Control) -> Result<Compared, Failure> {
    let store = app.record_to_read()?;
    let (a, b) = (store.episode(&request.a).map_err(unknown)?, store.episode(&request.b).map_err(unknown)?);
    looks::reading(app, &store, [(&a).into(), (&b).into()], control)?;
    let read = |row: &EpisodeRow| {
        control.check()?;
        Ok::<_, Failure>(store.entries(row)?.collect::<Result<Vec<(u64, Entry)>, TraceError>>()?)
    };
    let (left, right) = (read(&a)?, read(&b)?);
    let alike = left.iter().zip(&right).take_while(|((_, a), (_, b))| said(a) == said(b)).count();
    let (rest_a, rest_b) = (left.get(alike..).unwrap_or_default(), right.get(alike..).unwrap_or_default());
    let end = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|((_, a), (_, b))| said(a) == said(b)).count();
    let (only_a, only_b) =
        (rest_a.get(..rest_a.len() - end).unwrap_or_default(), rest_b.get(..rest_b.len() - end).unwrap_or_default());
    let parts = rest_a.first().or(rest_b.first()).map(|(step, _)| *step);
    // Requests may differ before anything that was said does: other tools, sampling, seed.
    let asked = left.iter().zip(&right).position(|((_, a), (_, b))| key(a) != key(b));
    let asked = asked.and_then(|at| left.get(at)).map(|(step, _)| *step);
    let side = |entries: &[(u64, Entry)]| -> Vec<StepEntry> {
        entries.iter().map(|(step, entry)| StepEntry { step: *step, entry: entry.clone() }).collect()
    };
    Ok(Compared {
        episodes: [a.start.episode.clone(), b.start.episode.clone()],
        alike,
        alike_at_end: end,
        parts_at_step: parts,
        first_other_request_at_step: asked,
        facts: facts(&a, &b),
        only: [side(only_a), side(only_b)],
    })
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
fn facts(a: &EpisodeRow, b: &EpisodeRow) -> Vec<Difference> {
    let of = |row: &EpisodeRow| {
        [
            ("harness", row.start.harness.clone()),
            ("task", row.start.task.clone()),
            ("seed", row.start.seed.to_string()),
            ("outcome", format!("{}: {}", row.outcome.map_or("not ended", harness_trace::Outcome::name), row.reason)),
            ("reward", row.reward().map_or("not judged".to_owned(), |reward| reward.to_string())),
            ("steps", row.steps.to_string()),
            ("tokens", format!("{} + {}", row.usage.input_tokens, row.usage.output_tokens)),
        ]
    };
    let pairs = of(a).into_iter().zip(of(b));
    pairs
        .filter(|((_, a), (_, b))| a != b)
        .map(|((name, a), (_, b))| Difference { name: name.to_owned(), values: [a, b] })
        .collect()
}
