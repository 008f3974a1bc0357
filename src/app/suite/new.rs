//! A folder with tasks, a grader and a first harness. Refuses to write over anything.

use std::path::{Path, PathBuf};

use bench_tasks::{Columns, Row};
use harness_spec::valid_name;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::hosts;
use crate::{Control, Failure};

/// A suite to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// The suite's name: letters, digits, `_` and `-`, a letter first.
    pub name: String,
    /// The folder to make it in.
    pub dir: PathBuf,
    /// Its tasks; without a table, a small example.
    #[serde(default)]
    pub table: Option<Table>,
    /// How a reply is marked.
    pub marking: Marking,
}

/// A table of tasks, and which of its columns is what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// A `.csv`, `.tsv` or `.jsonl` file.
    pub file: PathBuf,
    /// The column with the question.
    pub prompt: String,
    /// The column with the right answer.
    pub answer: String,
    /// The column with a name for each task; rows are numbered without it.
    #[serde(default)]
    pub id: Option<String>,
    /// The column that says which rows stand or fall together, as copies of one question do.
    #[serde(default)]
    pub group: Option<String>,
    /// The column with what is known of a task before it is run.
    #[serde(default)]
    pub kind: Option<String>,
}

/// How a reply is compared with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marking {
    /// The reply is the answer, or one of the answers.
    Exact,
    /// The reply holds the answer, or every one of the answers.
    Contains,
    /// The last number of the reply is the answer.
    Numeric,
    /// The whole reply matches the answer, a regular expression.
    Regex,
}

impl Marking {
    /// The name of the grader in the pack `tasks`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Contains => "contains",
            Self::Numeric => "numeric",
            Self::Regex => "regex",
        }
    }
}

/// A suite that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its folder.
    pub folder: PathBuf,
    /// Its tasks.
    pub tasks: usize,
    /// Groups of them.
    pub groups: usize,
}

/// What there is to see without a table.
const EXAMPLE: [(&str, &str); 8] = [
    ("What is the capital of France?", "Paris"),
    ("What is the capital of Japan?", "Tokyo"),
    ("What is the capital of Kenya?", "Nairobi"),
    ("What is the capital of Peru?", "Lima"),
    ("What is the capital of Canada?", "Ottawa"),
    ("What is the capital of Norway?", "Oslo"),
    ("What is the capital of Egypt?", "Cairo"),
    ("What is the capital of Cuba?", "Havana"),
];

/// Gate groups below which only very large gains are proven.
const FEW: usize = 40;

/// Which splits the tasks are dealt into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Explore, gate and sealed.
    Split,
    /// Explore: nobody has said that the grader tells right from wrong.
    ExploreOnly,
}

/// Makes the folder.
///
/// # Errors
///
/// The name or the folder is taken, or the table cannot be read.
pub fn new(request: &NewRequest, control: &Control) -> Result<Made, Failure> {
    free(&request.name, &request.dir)?;
    let rows = rows(request.table.as_ref())?;
    control.check()?;
    let folder = make(&request.name, &request.dir, &rows, request.marking, Layout::Split, None)?;
    Ok(Made { folder, tasks: rows.len(), groups: groups(&rows) })
}

/// The folder a suite of this name goes to, if name and folder are free.
fn free(name: &str, dir: &Path) -> Result<PathBuf, Failure> {
    if !valid_name(name) {
        return Err(Failure::input(format!("`{name}` cannot be a suite's name"))
            .hint("use letters, digits, `_` and `-`, a letter first, for example my_tasks"));
    }
    if harness_bench::Suite::names().any(|known| known == name) {
        return Err(
            Failure::input(format!("`{name}` is a suite that comes with the program")).hint("choose another name")
        );
    }
    let folder = if dir.as_os_str() == "." { PathBuf::from(name) } else { dir.join(name) };
    if folder.exists() {
        return Err(Failure::input(format!("{} is there already", folder.display()))
            .hint("choose another name, another --dir, or move it away"));
    }
    Ok(folder)
}

fn groups(rows: &[Row]) -> usize {
    let groups = rows.iter().map(|row| if row.group.is_empty() { &row.id } else { &row.group });
    groups.collect::<std::collections::BTreeSet<_>>().len()
}

/// Makes the folder of a suite of these rows; `harness` is what it begins with, if not the plainest one.
pub(super) fn make(
    name: &str,
    dir: &Path,
    rows: &[Row],
    grader: Marking,
    layout: Layout,
    harness: Option<&Path>,
) -> Result<PathBuf, Failure> {
    let folder = free(name, dir)?;
    let harness = match harness {
        None => HARNESS.to_owned(),
        Some(path) => {
            hosts::pool_file(path)?;
            std::fs::read_to_string(path)?
        }
    };
    let gate = groups(rows) * 45 / 100;
    // Where little can be proven, the first round looks widest.
    let first_candidates = if gate < FEW { 96 } else { 16 };
    let mut tasks = String::new();
    for row in rows {
        tasks += &serde_json::to_string(row).map_err(Failure::new)?;
        tasks.push('\n');
    }
    let mut text = suite(name, grader.name(), first_candidates);
    if layout == Layout::ExploreOnly {
        let old = "explore = 30\ngate = 45\nsealed = 25\n";
        let new = "# Until a person has looked at the grader, tasks are for exploring alone: then make it 30, 45, 25.\nexplore = 1\ngate = 0\nsealed = 0\n";
        text = text.replace(old, new);
    }
    for (file, text) in [("suite.toml", text), ("tasks.jsonl", tasks), ("harness.toml", harness)] {
        write(&folder.join(file), &text)?;
    }
    Ok(folder)
}

fn rows(table: Option<&Table>) -> Result<Vec<Row>, Failure> {
    let Some(table) = table else {
        let row = |(number, (prompt, answer)): (usize, &(&str, &str))| Row {
            id: (number + 1).to_string(),
            prompt: (*prompt).to_owned(),
            answer: Value::from(*answer),
            ..Row::default()
        };
        return Ok(EXAMPLE.iter().enumerate().map(row).collect());
    };
    let columns = Columns {
        prompt: &table.prompt,
        answer: &table.answer,
        id: table.id.as_deref(),
        group: table.group.as_deref(),
        kind: table.kind.as_deref(),
    };
    bench_tasks::table(&table.file, &columns).map_err(Failure::input)
}

/// The names of a table's columns, in the order in which they come.
///
/// # Errors
///
/// The file cannot be read or is no table with rows.
pub fn columns(file: &Path) -> Result<Vec<String>, Failure> {
    bench_tasks::columns(file).map_err(Failure::input)
}

fn suite(name: &str, grader: &str, first_candidates: usize) -> String {
    format!(
        r#"name = "{name}"
about = ""
tasks = "tasks.jsonl"

# How a reply is marked; `harness plugin inspect tasks` lists what graders can be told.
[grader]
use = "tasks/{grader}"

# Groups of tasks are dealt by hash into these shares: explore is looked at and tuned on, gate decides what ships, sealed
# says in the end what it is worth. Every ship uses up the gate groups it was proven on.
[splits]
explore = 30
gate = 45
sealed = 25

[evolve]
settings.explore_groups = 0
settings.screen_tasks = 16
settings.first_candidates = {first_candidates}

[harness]
initial = "harness.toml"
"#
    )
}

const HARNESS: &str = r#"# What evolution begins with: what you would write yourself.
action = "reply"

[sampling]
temperature = 0.0
max_tokens = 64

[budget]
steps = 4

[[processor]]
use = "std/system_prompt"
config.text = "Answer the question. Reply with the answer alone."
"#;

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    crate::replace::replace(path, text)
}
