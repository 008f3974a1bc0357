//! Where a person stands: what is here, what was done last, and the next command. Looks, and changes nothing.

use std::path::{Path, PathBuf};

use harness_bench::Suite;
use harness_trace::{RunKind, Store};
use serde::{Deserialize, Serialize};

use super::{App, model, pack};

/// Most suites of a folder that are named.
const MOST_SUITES: usize = 20;

/// What is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The workspace.
    pub workspace: PathBuf,
    /// Packs that were found as files.
    pub packs: Vec<String>,
    /// Models whose weights are on this machine.
    pub models: Vec<String>,
    /// Folders of the workspace that are suites.
    pub suites: Vec<PathBuf>,
    /// The newest evolution on record: its id, and its report if it is written.
    pub evolution: Option<NewestEvolution>,
    /// Runs on record; `None` where there is no record or it cannot be read, which `doctor` says more about.
    pub runs: Option<usize>,
    /// What to do next, first things first.
    pub next: Vec<NextCommand>,
}

/// The newest evolution on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestEvolution {
    /// Its run.
    pub run: String,
    /// Its suite.
    pub suite: String,
    /// Its report, if it lies where reports are written.
    pub report: Option<PathBuf>,
}

/// A command, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextCommand {
    /// The command line.
    pub command: String,
    /// What it does.
    pub does: String,
}

/// Looks around.
pub fn overview(app: &App) -> Overview {
    let workspace = app.workspace();
    let packs = pack::list(app).map(|listed| listed.packs).unwrap_or_default();
    let packs: Vec<String> = packs.into_iter().filter(|pack| pack.path.is_some()).map(|pack| pack.name).collect();
    let models: Vec<String> =
        model::list(app).into_iter().filter(|model| model.pulled == Some(true)).map(|model| model.name).collect();
    let suites = suites(workspace.folder());
    let path = workspace.record();
    let runs = path.is_file().then(|| Store::read(&path).and_then(|store| store.runs()).ok()).flatten();
    let newest = runs.iter().flatten().filter(|run| run.kind == RunKind::Evolve).max_by_key(|run| run.started_ms);
    let evolution = newest.map(|run| {
        let report = workspace.reports().join(&run.id).join("report.html");
        NewestEvolution {
            run: run.id.clone(),
            suite: run.suite.clone(),
            report: Some(report).filter(|report| report.is_file()),
        }
    });
    let has_key = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"]
        .iter()
        .any(|name| workspace.var_os(name).is_some_and(|value| !value.is_empty()));
    let runs_here = packs.iter().any(|pack| pack == "gguf") && !models.is_empty();
    let next = next(runs_here || has_key, &suites, evolution.as_ref());
    Overview {
        workspace: folder(workspace.folder()),
        packs,
        models,
        suites,
        evolution,
        runs: runs.map(|runs| runs.len()),
        next,
    }
}

/// Without `.` and links, where that can be known.
fn folder(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The folders in this one that hold a `suite.toml`, or itself.
fn suites(folder: &Path) -> Vec<PathBuf> {
    let is_suite = |path: &Path| path.join("suite.toml").is_file();
    if is_suite(folder) {
        return vec![PathBuf::from(".")];
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.filter(|entry| is_suite(&entry.path())).map(|entry| PathBuf::from(entry.file_name())).collect();
    found.sort();
    found.truncate(MOST_SUITES);
    found
}

fn next(has_model: bool, suites: &[PathBuf], evolution: Option<&NewestEvolution>) -> Vec<NextCommand> {
    let mut next = Vec::new();
    let mut add = |command: String, does: &str| next.push(NextCommand { command, does: does.to_owned() });
    if !has_model {
        add("harness doctor".to_owned(), "says what is missing, and the command that mends it");
        add("harness model pull smollm2".to_owned(), "fetches a small language model that runs on this machine");
    }
    if let Some(NewestEvolution { run, report: Some(_), .. }) = evolution {
        add(format!("harness evolve verify {run}"), "checks the newest report against the record");
    }
    for suite in suites.iter().take(3) {
        add(format!("harness suite check {}", suite.display()), "checks tasks and graders before any model is asked");
        add(format!("harness evolve {}", suite.display()), "improves its harness by evidence");
    }
    if suites.is_empty() {
        add("harness init".to_owned(), "makes a suite of your own tasks and a first harness");
        let first = if Suite::names().any(|name| name == "everyday") { "everyday" } else { "functions" };
        add(format!("harness evolve {first}"), "improves a harness on tasks that come with the program");
    }
    next
}
