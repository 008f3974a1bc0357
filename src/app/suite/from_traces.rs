//! What a served harness was asked becomes explore tasks, with what users thought of the answers as the key. Refuses to make gate or
//! sealed tasks of it unless a person names the grader that marks them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use bench_tasks::{Redactor, Row};
use harness_abi::{Message, Role};
use harness_serve::{FEEDBACK, Feedback};
use harness_trace::{Entry, EpisodeRow, Filter, Outcome, RunKind, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    super::{App, folder_trust},
    new::{Layout, Marking, make},
};
use crate::{Control, Failure};

/// Which requests become tasks, and of what suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromTracesRequest {
    /// The suite's name: letters, digits, `_` and `-`, a letter first.
    pub name: String,
    /// The folder to make it in.
    pub dir: PathBuf,
    /// Only of this run; empty: of all.
    pub run: String,
    /// Only of this session; empty: of all.
    pub session: String,
    /// The least reward that approves of an answer.
    pub least: f64,
    /// A command that says whether an answer was right, in place of feedback. It is run by `sh -c`, unconfined.
    pub reward: Option<String>,
    /// How replies are marked; without it tasks are for exploring alone.
    pub marking: Option<Marking>,
    /// The harness evolution begins with, if not the plainest one.
    pub harness: Option<PathBuf>,
}

/// A suite that was made of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FromTraces {
    /// Its folder.
    pub folder: PathBuf,
    /// Its tasks.
    pub tasks: usize,
    /// Requests that were looked at.
    pub requests: usize,
    /// Of those, without feedback.
    pub without_feedback: usize,
    /// Of those, not approved of and without a right answer.
    pub not_approved: usize,
    /// Of those, failed.
    pub failed: usize,
    /// What was taken out of users' words.
    pub redacted: Vec<Redacted>,
    /// Which splits its tasks are dealt into.
    pub splits: &'static str,
}

/// Something that was taken out of users' words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redacted {
    /// What it looked like.
    pub kind: String,
    /// What stands there now.
    pub mark: String,
    /// A piece of it that a person recognises.
    pub hint: String,
    /// How often it stood there.
    pub times: usize,
}

/// What became of the requests.
#[derive(Default)]
struct Counts {
    requests: usize,
    unmarked: usize,
    unapproved: usize,
    failed: usize,
}

/// Makes the suite.
///
/// # Errors
///
/// There is no record, no task comes of it, the name or the folder is taken, or it was cancelled.
pub fn from_traces(app: &App, request: &FromTracesRequest, control: &Control) -> Result<FromTraces, Failure> {
    let record = app.workspace().record();
    if !record.is_file() {
        return Err(Failure::input(format!("there is no record at {}", record.display()))
            .hint("`harness serve` makes one; run this where it ran"));
    }
    let store = app.record()?;
    let mut said = BTreeMap::new();
    for (_, fact) in store.facts_of_all_runs(FEEDBACK)? {
        // The last word stands.
        said.insert(fact.key.clone(), Feedback::of_fact(&fact.key, &fact.value));
    }
    let filter = Filter {
        run: request.run.clone(),
        group: request.session.clone(),
        parent: Some(String::new()),
        ended: true,
        ..Filter::default()
    };
    let mut redactor = Redactor::new().map_err(Failure::new)?;
    let (mut rows, mut counts) = (Vec::new(), Counts::default());
    let served: BTreeSet<String> =
        store.runs()?.into_iter().filter(|run| run.kind == RunKind::Serve).map(|run| run.id).collect();
    for row in store.episodes(&filter)?.iter().filter(|row| served.contains(&row.start.run)) {
        control.check()?;
        counts.requests += 1;
        rows.extend(task(&store, row, said.get(&row.start.episode), request, &mut redactor, &mut counts)?);
    }
    let Counts { requests, unmarked, unapproved, failed } = counts;
    if rows.is_empty() {
        return Err(Failure::input(format!(
            "no task comes of {requests} requests: {unmarked} without feedback, {unapproved} not approved of and without a right answer, {failed} that failed"
        ))
        .hint("send feedback to POST /v1/feedback, or have a command approve: --reward COMMAND"));
    }
    let layout = match request.marking {
        Some(_) => Layout::Split,
        None => Layout::ExploreOnly,
    };
    let marking = request.marking.unwrap_or(Marking::Exact);
    let folder = make(&request.name, &request.dir, &rows, marking, layout, request.harness.as_deref())?;
    if let Some(harness) = &request.harness {
        folder_trust::copied(app, harness, &folder.join("harness.toml"))?;
    }
    let found = redactor.found();
    Ok(FromTraces {
        folder,
        tasks: rows.len(),
        requests,
        without_feedback: unmarked,
        not_approved: unapproved,
        failed,
        redacted: found
            .iter()
            .map(|one| Redacted {
                kind: one.kind.to_string(),
                mark: one.mark.to_string(),
                hint: one.hint.to_string(),
                times: one.times,
            })
            .collect(),
        splits: if layout == Layout::Split { "explore, gate, sealed" } else { "explore" },
    })
}

/// The task of a request, if there is a right answer to it.
fn task(
    store: &Store,
    row: &EpisodeRow,
    feedback: Option<&Feedback>,
    request: &FromTracesRequest,
    redactor: &mut Redactor,
    counts: &mut Counts,
) -> Result<Option<Row>, Failure> {
    if row.outcome != Some(Outcome::Done) {
        counts.failed += 1;
        return Ok(None);
    }
    let (prompt, answer) = asked(store, row)?;
    let right = match (&request.reward, feedback) {
        (Some(command), _) => approves(command, row, &prompt, &answer)?.then_some(answer),
        (None, Some(feedback)) if !feedback.answer.is_empty() => Some(feedback.answer.clone()),
        (None, Some(feedback)) => (feedback.reward >= request.least).then_some(answer),
        (None, None) => {
            counts.unmarked += 1;
            return Ok(None);
        }
    };
    let Some(right) = right.filter(|right| !right.trim().is_empty() && !prompt.trim().is_empty()) else {
        counts.unapproved += 1;
        return Ok(None);
    };
    Ok(Some(Row {
        id: row.start.episode.clone(),
        prompt: redactor.redact(&prompt),
        answer: redactor.redact(&right).into(),
        // Requests of one session know of each other.
        group: redactor.redact(&row.start.group),
        ..Row::default()
    }))
}

/// What the client asked, and what it was answered. A conversation is told as one.
fn asked(store: &Store, row: &EpisodeRow) -> Result<(String, String), Failure> {
    let mut before = Vec::new();
    for entry in store.entries(row)? {
        match entry?.1 {
            Entry::Message { message } => before.push(message),
            Entry::Chat { .. } => break,
            _ => {}
        }
    }
    let answer = store.history(row)?.messages;
    let answer = answer.iter().rfind(|message| message.role() == Role::Assistant).map(Message::text);
    let prompt = match before.as_slice() {
        [only] => only.text().into_owned(),
        all => {
            let line = |message: &Message| {
                let who = match message.role() {
                    Role::Assistant => "Assistant",
                    Role::Tool => "Tool",
                    _ => "User",
                };
                format!("{who}: {}", message.text())
            };
            all.iter().filter(|message| !message.text().is_empty()).map(line).collect::<Vec<_>>().join("\n\n")
        }
    };
    Ok((prompt, answer.unwrap_or_default().into_owned()))
}

/// Asks the command.
fn approves(command: &str, row: &EpisodeRow, prompt: &str, answer: &str) -> Result<bool, Failure> {
    let fail = |error: std::io::Error| Failure::input(format!("`{command}` cannot be run: {error}"));
    let mut child =
        Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map_err(fail)?;
    if let Some(mut input) = child.stdin.take() {
        let text =
            json!({"prompt": prompt, "answer": answer, "episode": row.start.episode, "session": row.start.group});
        // It may know without reading.
        let _ = writeln!(input, "{text}");
    }
    match child.wait().map_err(fail)?.code() {
        Some(0) => Ok(true),
        // What a shell says of a command that is not there or may not be run is no verdict.
        Some(code @ (126 | 127)) => Err(Failure::input(format!("`{command}` cannot be run: exit code {code}"))),
        _ => Ok(false),
    }
}
