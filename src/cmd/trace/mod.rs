//! `harness trace`: reads the record. It writes nothing into it but marks of what is void, and that gate and sealed tasks were looked at.

mod diff;
mod digest;
mod export;
pub mod search;
pub mod show;
mod void;

use clap::{Args, Subcommand};
use harness_bench::looks;
use harness_core::{Clock, SystemClock};
use harness_trace::{EpisodeRow, Filter, Outcome, RecordedGroup, Store, TraceError};
use serde_json::{Value, json};

use super::Global;
use crate::{argv, failure::Failure, output, wire};

/// What happened: the episodes on record, one of them in full, or all of them for other programs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness trace list                              the newest episodes
  harness trace list --run bench-1f2e3d4c5b-1 --outcome budget
  harness trace search 'no such file'             where words stand, the newest episodes first
  harness trace diff run-19a8 run-19b7            from where two episodes part
  harness trace show run-19a8                     messages, decisions, calls and faults of one (the id's beginning will do)
  harness trace digest --suite household          why tasks fail, with a place to look at for each reason
  harness trace export --run bench-1f2e3d4c5b-1 > episodes.jsonl
  harness trace export atif --episode run-19a8 > trajectory.json
  harness trace export otlp --endpoint http://127.0.0.1:4318 --run run-19a8
  harness trace void run-19a8                     its replies were wrong: later runs ask again")]
pub struct TraceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List episodes, oldest first
    List {
        #[command(flatten)]
        which: Which,
        /// The newest so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show one episode in full
    Show {
        /// Its id, or the beginning of it
        episode: String,
    },
    /// Show where two episodes part, and what differs from there
    Diff {
        /// The one, by its id or the beginning of it
        a: String,
        /// The other
        b: String,
    },
    /// Say where words stand: in tasks, messages, decisions, calls, faults
    Search {
        /// The words, in any case
        #[arg(allow_hyphen_values = true)]
        words: String,
        #[command(flatten)]
        which: Which,
        /// At most so many places
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Say how episodes fail: exact tests on every failed one, by task
    Digest {
        #[command(flatten)]
        which: Which,
    },
    /// Write episodes for other programs: JSON Lines, ATIF, OpenTelemetry
    Export(Box<export::ExportArgs>),
    /// Mark calls with wrong replies as void, and the episodes played with them: later runs ask again
    Void(void::VoidArgs),
}

#[derive(Debug, Args)]
struct Which {
    /// Only this run
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    run: String,
    /// Only this suite
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    suite: String,
    /// Only this split
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    split: String,
    /// Only this group: of tasks, or a session of a served harness
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    group: String,
    /// Only those whose task holds these words
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    about: String,
    /// Only those that ended so: done, budget, interrupted, fault, infrastructure, cancelled
    #[arg(long, value_parser = outcome)]
    outcome: Option<Outcome>,
}

fn outcome(name: &str) -> Result<Outcome, String> {
    let known = || Outcome::ALL.map(Outcome::name).join(", ");
    Outcome::from_name(name).ok_or_else(|| format!("outcomes are {}", known()))
}

impl From<Which> for Filter {
    fn from(which: Which) -> Self {
        let Which { run, suite, split, group, about, outcome } = which;
        Self { run, suite, split, group, about, outcome, ..Self::default() }
    }
}

/// Runs the subcommand.
pub fn run(global: &Global, args: TraceArgs) -> Result<(), Failure> {
    let store = wire::record_to_read()?;
    match args.command {
        Command::List { which, limit } => list(global, &store, &which.into(), limit),
        Command::Show { episode } => {
            let row = store.episode(&episode).map_err(unknown)?;
            told(global, &store, [(&row).into()])?;
            show::run(global, &store, &row)
        }
        // What answered a call failed or not as a part of its whole, which is looked at.
        Command::Digest { which } => {
            let filter = Filter { parent: Some(String::new()), ..which.into() };
            told(global, &store, store.recorded_groups(&filter)?)?;
            digest::run(global, &store, &filter)
        }
        Command::Diff { a, b } => {
            let (a, b) = (store.episode(&a).map_err(unknown)?, store.episode(&b).map_err(unknown)?);
            told(global, &store, [(&a).into(), (&b).into()])?;
            diff::run(global, &store, &a, &b)
        }
        Command::Search { words, which, limit } => search::run(global, &store, &which.into(), &words, limit),
        Command::Export(args) => export::run(global, &store, *args),
        Command::Void(args) => void::run(global, args),
    }
}

/// Counts in `store` that episodes of these groups are read; gives what is to be said of it where they are to be seen rarely.
pub fn counted(store: &Store, groups: impl IntoIterator<Item = RecordedGroup>) -> Result<Option<String>, Failure> {
    let look = looks::reading(store, groups, &argv::command_line(), SystemClock.unix_millis())?;
    look.count(store)?;
    Ok(look.line())
}

/// Counts that episodes of these groups are read out of a record that was opened to be read, and says so. Where the record cannot be
/// written, that is said.
fn told(global: &Global, store: &Store, groups: impl IntoIterator<Item = RecordedGroup>) -> Result<(), Failure> {
    let look = looks::reading(store, groups, &argv::command_line(), SystemClock.unix_millis())?;
    let written = look.fresh.is_empty() || wire::record().is_ok_and(|record| look.count(&record).is_ok());
    if let Some(line) = look.line().filter(|_| !global.quiet) {
        output::note(if written {
            line
        } else {
            "the record can only be read: that you look at it is not counted".to_owned()
        });
    }
    Ok(())
}

/// Says where ids are found, where none was.
pub fn unknown(error: TraceError) -> Failure {
    match error {
        TraceError::NoEpisode { .. } | TraceError::Ambiguous { .. } => {
            Failure::input(error).hint("`harness trace list` shows the ids")
        }
        other => other.into(),
    }
}

/// The newest episodes of a filter, oldest first, for machines.
pub fn listed(store: &Store, filter: &Filter, limit: usize) -> Result<Value, Failure> {
    let rows = store.episodes(filter)?;
    let shown = rows.get(rows.len().saturating_sub(limit)..).unwrap_or_default();
    let void = store.voids()?;
    let shown = shown.iter().map(|row| {
        let mut shown = json!(row);
        if let Some(mark) = void.get(&row.num) {
            shown["void"] = json!(mark);
        }
        shown
    });
    let shown: Vec<Value> = shown.collect();
    Ok(json!({"episodes": shown, "shown": shown.len(), "total": rows.len()}))
}

fn list(global: &Global, store: &Store, filter: &Filter, limit: usize) -> Result<(), Failure> {
    let filter = &Filter { void: true, ..filter.clone() };
    if global.json {
        return output::json(&listed(store, filter, limit)?);
    }
    let rows = store.episodes(filter)?;
    let shown = rows.get(rows.len().saturating_sub(limit)..).unwrap_or_default();
    let void = store.voids()?;
    for row in shown {
        let mark = if void.contains_key(&row.num) { ", void" } else { "" };
        output::line(format_args!("{}{mark}", describe(row)))?;
    }
    output::line(format_args!("{} of {} episodes", shown.len(), rows.len()))
}

/// One line on an episode.
fn describe(row: &EpisodeRow) -> String {
    let start = &row.start;
    let place = [&*start.suite, start.split.name(), &start.task].map(|part| one_line(part, 40));
    let place: Vec<String> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let outcome = row.outcome.map_or("not ended", Outcome::name);
    let reward = row.reward().map_or(String::new(), |reward| format!(", reward {reward}"));
    let simulated = if start.simulated { ", simulated" } else { "" };
    format!("{}  {}  {outcome}{reward}, {} steps{simulated}", start.episode, place.join("/"), row.steps)
}

/// The beginning of a text, on one line.
fn one_line(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width - 1).chain(['…']).collect()
}
