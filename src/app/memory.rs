//! What the record knows of explore tasks, solutions and notes, as a file that `memory/recall` and `memory/notebook` look things up in.
//! Refuses to take anything of a gate or sealed task.

use std::{collections::BTreeMap, path::PathBuf};

use harness_abi::{Message, Role};
use harness_bench::looks;
use harness_core::{Clock, SystemClock};
pub use harness_memory::Written;
use harness_memory::{NOTE, Note, Past, noted};
use harness_trace::{Entry, ExploreTrace, Filter, History, Split};
use serde::{Deserialize, Serialize};

use super::App;
use crate::{Control, Failure};

/// Which solutions and notes, and where they go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryRequest {
    /// The suite: its folder, or its name as the record has it.
    pub suite: String,
    /// The file to write.
    pub out: PathBuf,
    /// Only of this run; empty: of all.
    #[serde(default)]
    pub run: String,
    /// The least reward that counts as solved.
    #[serde(default = "whole")]
    pub least: f64,
}

fn whole() -> f64 {
    1.0
}

/// Writes the newest solution of each explore task that was solved, and all notes, solved or not.
///
/// # Errors
///
/// The record has no solved explore task of the suite, the file cannot be written, or it was cancelled.
pub fn build(app: &App, request: &MemoryRequest, control: &Control) -> Result<Written, Failure> {
    let store = app.record()?;
    let name = harness_bench::Suite::named(&request.suite).map_or_else(|_| request.suite.clone(), |suite| suite.name);
    let filter = Filter {
        suite: name.clone(),
        split: Split::Explore.name().to_owned(),
        run: request.run.clone(),
        ended: true,
        ..Filter::default()
    };
    let (mut newest, mut notes) = (BTreeMap::new(), Vec::new());
    let found = store.episodes(&filter)?;
    // Under another seed these tasks are for the judge: whoever judges on them is told who has learnt from them.
    let groups = found.iter().map(Into::into);
    looks::reading(&store, groups, app.command(), SystemClock.unix_millis())?.count(&store)?;
    for row in found {
        control.check()?;
        let trace = store.explore_trace(&row)?;
        let history = history(&trace)?.messages;
        let Some(task) = history.iter().find(|message| message.role() == Role::User) else { continue };
        let (task, episode) = (task.text().into_owned(), row.start.episode.clone());
        for note in written(&trace) {
            // Said again, it is the newer one.
            notes.retain(|old: &Note| old.note != note);
            notes.push(Note { note, task: task.clone(), episode: episode.clone() });
        }
        if row.reward().is_some_and(|reward| reward >= request.least)
            && let Some(worked) = worked(&history)
        {
            newest.insert(row.start.task.clone(), Past { task, worked, episode });
        }
    }
    let past: Vec<Past> = newest.into_values().collect();
    harness_memory::write(&request.out, &past, &notes).map_err(|error| {
        Failure::input(error).hint(format!(
            "the record has no solved explore task of {name}: `harness bench {} --split explore --model MODEL` plays them",
            request.suite
        ))
    })
}

/// What the agent noted in an episode, as far as it was let.
fn written(trace: &ExploreTrace) -> Vec<String> {
    let mut notes = Vec::new();
    for (_, entry) in trace.entries() {
        if let Entry::Tool { name, arguments, is_error: false, .. } = entry
            && name == NOTE
        {
            notes.extend(noted(arguments));
        }
    }
    notes
}

/// The conversation as it stood at the end.
fn history(trace: &ExploreTrace) -> Result<History, Failure> {
    let mut history = History::default();
    for (_, entry) in trace.entries() {
        history.apply(entry)?;
    }
    Ok(history)
}

/// What the agent did; `None` where it did nothing, as in a solution that was played without a model.
fn worked(history: &[Message]) -> Option<String> {
    let did: Vec<String> = history.iter().filter(|message| message.role() == Role::Assistant).map(action).collect();
    (!did.is_empty()).then(|| format!("You did: {}", did.join(" | ")))
}

fn action(message: &Message) -> String {
    let calls: Vec<String> = message.calls().map(|call| format!("{}({})", call.name, call.arguments)).collect();
    if calls.is_empty() { message.text().trim().to_owned() } else { calls.join(" | ") }
}
