//! `harness trace`: reads the record. It writes nothing into it but marks of what is void, and that gate and sealed tasks were looked at.

mod diff;
mod digest;
mod export;
mod void;

use clap::{Args, Subcommand};
use harness::{
    App, Control, Failure,
    app::record::{self, DiffRequest, ListRequest, SearchRequest, ShowRequest},
    trace::Outcome,
};

use super::{Global, output, progress::shown};
use crate::render::{episode, one_line};

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

impl From<Which> for record::Which {
    fn from(which: Which) -> Self {
        let Which { run, suite, split, group, about, outcome } = which;
        Self { run, suite, split, group, about, outcome }
    }
}

/// Runs the subcommand.
pub fn run(app: &App, global: &Global, args: TraceArgs) -> Result<(), Failure> {
    match args.command {
        Command::List { which, limit } => list(app, global, &ListRequest { which: which.into(), limit }),
        Command::Show { episode } => show(app, global, &ShowRequest { episode }),
        Command::Digest { which } => digest::run(app, global, which.into()),
        Command::Diff { a, b } => diff::run(app, global, DiffRequest { a, b }),
        Command::Search { words, which, limit } => {
            search(app, global, &SearchRequest { words, which: which.into(), limit })
        }
        Command::Export(args) => export::run(app, global, *args),
        Command::Void(args) => void::run(app, global, args),
    }
}

fn list(app: &App, global: &Global, request: &ListRequest) -> Result<(), Failure> {
    let listed = record::list(app, request, &Control::default())?;
    if global.json {
        return output::json(&listed);
    }
    for listed in &listed.episodes {
        let mark = if listed.void.is_some() { ", void" } else { "" };
        output::line(format_args!("{}{mark}", episode::summary(&listed.row)))?;
    }
    output::line(format_args!("{} of {} episodes", listed.shown, listed.total))
}

fn show(app: &App, global: &Global, request: &ShowRequest) -> Result<(), Failure> {
    let episode = shown(global, |control| record::show(app, request, control))?;
    if global.json { output::json(&episode) } else { output::line(episode::text(&episode)) }
}

fn search(app: &App, global: &Global, request: &SearchRequest) -> Result<(), Failure> {
    let found = shown(global, |control| record::search(app, request, control))?;
    if global.json {
        return output::json(&found);
    }
    for hit in &found.hits {
        let step = hit.step.map_or_else(String::new, |step| format!(" step {step}"));
        output::line(format_args!("{}{step} {}: {}", hit.episode, hit.kind, one_line(&hit.excerpt, 160)))?;
    }
    let more = if found.hits.len() == request.limit { "; more with --limit" } else { "" };
    output::line(format_args!("{} places{more}", found.hits.len()))
}
