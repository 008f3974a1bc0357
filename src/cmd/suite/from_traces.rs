//! `harness suite from-traces`: what a served harness was asked becomes explore tasks, with what users thought of the answers as
//! the key. Refuses to make gate or sealed tasks of it unless a person names the grader that marks them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use bench_tasks::{Redactor, Row};
use clap::Args;
use harness_abi::{Message, Role};
use harness_serve::{FEEDBACK, Feedback};
use harness_trace::{Entry, EpisodeRow, Filter, Outcome, RunKind, Store};
use serde_json::{Value, json};

use super::{
    super::Global,
    new::{Layout, Marking, make},
};
use crate::{failure::Failure, output, paths, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite from-traces asked                              answers that users approved or put right
  harness suite from-traces asked --run serve-19a8 --harness deploy/harness.toml
  harness suite from-traces asked --reward ./marks.sh          a command says which answers were right
  harness suite from-traces asked --grader numeric           your word that this grader marks these tasks: all three splits

A task is a request; the right answer is what feedback says it is, or the answer given where feedback or the command approves of
it. A command gets {\"prompt\", \"answer\", \"episode\", \"session\"} as JSON on standard input and approves with exit code 0.
What looks like an address, a key or a token is replaced, and what was replaced is shown; read tasks.jsonl before you share it.")]
pub struct FromTracesArgs {
    /// The suite's name: letters, digits, _ and -, a letter first
    name: String,
    /// The folder to make it in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Only of this run
    #[arg(long, value_name = "RUN", default_value = "")]
    run: String,
    /// Only of this session
    #[arg(long, value_name = "SESSION", default_value = "", allow_hyphen_values = true)]
    session: String,
    /// The least reward that approves of an answer
    #[arg(long, value_name = "REWARD", default_value_t = 1.0, value_parser = crate::argv::finite, allow_negative_numbers = true)]
    least: f64,
    /// A command that says whether an answer was right, in place of feedback
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    reward: Option<String>,
    /// How replies are marked; without it tasks are for exploring alone
    #[arg(long)]
    grader: Option<Marking>,
    /// The harness evolution begins with; the one that was served, for instance
    #[arg(long, value_name = "FILE.toml")]
    harness: Option<PathBuf>,
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
pub fn run(global: &Global, args: &FromTracesArgs) -> Result<(), Failure> {
    if !paths::record().is_file() {
        return Err(Failure::input(format!("there is no record at {}", paths::record().display()))
            .hint("`harness serve` makes one; run this where it ran"));
    }
    let store = wire::record()?;
    let mut said = BTreeMap::new();
    for (_, fact) in store.facts_of_all_runs(FEEDBACK)? {
        // The last word stands.
        said.insert(fact.key.clone(), Feedback::of_fact(&fact.key, &fact.value));
    }
    let filter = Filter {
        run: args.run.clone(),
        group: args.session.clone(),
        parent: Some(String::new()),
        ended: true,
        ..Filter::default()
    };
    let mut redactor = Redactor::new().map_err(Failure::new)?;
    let (mut rows, mut counts) = (Vec::new(), Counts::default());
    let served: BTreeSet<String> =
        store.runs()?.into_iter().filter(|run| run.kind == RunKind::Serve).map(|run| run.id).collect();
    for row in store.episodes(&filter)?.iter().filter(|row| served.contains(&row.start.run)) {
        counts.requests += 1;
        rows.extend(task(&store, row, said.get(&row.start.episode), args, &mut redactor, &mut counts)?);
    }
    if rows.is_empty() {
        let Counts { requests, unmarked, unapproved, failed } = counts;
        return Err(Failure::input(format!(
            "no task comes of {requests} requests: {unmarked} without feedback, {unapproved} not approved of and without a right answer, {failed} that failed"
        ))
        .hint("send feedback to POST /v1/feedback, or have a command approve: --reward COMMAND"));
    }
    let layout = match args.grader {
        Some(_) => Layout::Split,
        None => Layout::ExploreOnly,
    };
    let folder =
        make(&args.name, &args.dir, &rows, args.grader.unwrap_or(Marking::Exact), layout, args.harness.as_deref())?;
    let found = redactor.found();
    if global.json {
        let found: Vec<Value> = found
            .iter()
            .map(|one| json!({"kind": one.kind, "mark": one.mark, "hint": one.hint, "times": one.times}))
            .collect();
        return output::json(&json!({
            "folder": folder, "tasks": rows.len(), "requests": counts.requests, "without_feedback": counts.unmarked,
            "not_approved": counts.unapproved, "failed": counts.failed, "redacted": found,
            "splits": if layout == Layout::Split { "explore, gate, sealed" } else { "explore" },
        }));
    }
    for one in &found {
        output::line(format_args!("redacted  {} {} ({}), {} times", one.mark, one.kind, one.hint, one.times))?;
    }
    output::line(format_args!(
        "made {} with {} tasks of {} requests; {} without feedback, {} not approved of and without a right answer, {} that failed",
        folder.display(),
        rows.len(),
        counts.requests,
        counts.unmarked,
        counts.unapproved,
        counts.failed,
    ))?;
    if layout == Layout::ExploreOnly {
        output::line(
            "they are for exploring alone: nothing can ship on them until you name a --grader that marks them",
        )?;
    }
    Ok(())
}

/// The task of a request, if there is a right answer to it.
fn task(
    store: &Store,
    row: &EpisodeRow,
    feedback: Option<&Feedback>,
    args: &FromTracesArgs,
    redactor: &mut Redactor,
    counts: &mut Counts,
) -> Result<Option<Row>, Failure> {
    if row.outcome != Some(Outcome::Done) {
        counts.failed += 1;
        return Ok(None);
    }
    let (prompt, answer) = asked(store, row)?;
    let right = match (&args.reward, feedback) {
        (Some(command), _) => approves(command, row, &prompt, &answer)?.then_some(answer),
        (None, Some(feedback)) if !feedback.answer.is_empty() => Some(feedback.answer.clone()),
        (None, Some(feedback)) => (feedback.reward >= args.least).then_some(answer),
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
        example: String::new(),
        // Requests of one session know of each other.
        group: redactor.redact(&row.start.group),
        kind: String::new(),
        split: String::new(),
        max_turns: 0,
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
