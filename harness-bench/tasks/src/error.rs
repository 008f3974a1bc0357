//! What can be wrong with a file of tasks. Every variant says where and what to do.

use std::path::PathBuf;

use crate::{choice::ChoiceFault, input::TextFault};

/// A file of tasks that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// It cannot be read.
    #[error("cannot read the tasks {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not text.
    #[error("{}: {source}", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: TextFault,
    },
    /// A table in which a quote opens and nothing closes it.
    #[error("{}: the quote that opens in line {line} is never closed; close it, or write it twice within quotes", path.display())]
    Quote {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// It holds no row.
    #[error("{} holds no task; write one JSON object a line: {{\"id\": \"1\", \"prompt\": \"…\", \"answer\": \"…\"}}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A table of no known kind.
    #[error("{} is neither .csv, .tsv nor .jsonl; save the table as CSV", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// A table that does not hold together.
    #[error("{}: {source}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: csv::Error,
    },
    /// A table that holds no row.
    #[error("{} has no rows", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// A table that lacks a column.
    #[error("{}: no column `{name}`; its columns are {known}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A table in which a name means two columns.
    #[error("{} has two columns `{names}`; give one of each two another name", path.display())]
    TwoColumns {
        /// The file.
        path: PathBuf,
        /// The names.
        names: String,
    },
    /// Rows that are no tasks: the first of them.
    #[error("{}: {}", path.display(), list(faults))]
    Rows {
        /// The file.
        path: PathBuf,
        /// Lines, counted from 1, and what is wrong there.
        faults: Vec<(usize, RowFault)>,
    },
    /// It is another file than the benchmark was opened with.
    #[error("{} changed since this benchmark was opened; begin anew, the changed file is another benchmark", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    /// Not a JSON object of the known keys.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but of another kind.
    #[error("no JSON object")]
    NoObject,
    /// Too few or too many fields.
    #[error("{found} fields, the first line names {expected}; quote a field that holds what parts fields")]
    Ragged {
        /// How many there are.
        found: usize,
        /// How many names there are.
        expected: usize,
    },
    /// A value that belongs to no column.
    #[error("{value:?} stands in column {column}, which has no name; name it or empty it")]
    Nameless {
        /// The column, counted from 1.
        column: usize,
        /// The value.
        value: String,
    },
    /// A column that must hold something.
    #[error("`{0}` is empty")]
    Blank(String),
    /// A column that holds a list or an object.
    #[error("`{0}` is neither a text nor a number")]
    NoText(String),
    /// The id is empty.
    #[error("the id is empty")]
    NoId,
    /// The prompt is empty.
    #[error("task {0:?} has an empty prompt")]
    NoPrompt(String),
    /// Its options are no choice.
    #[error("task {id:?}: {source}")]
    Options {
        /// The id.
        id: String,
        /// What is wrong with them.
        source: ChoiceFault,
    },
    /// The id was there before.
    #[error("task {id:?} is already in line {first}; ids must be unique")]
    Twice {
        /// The id.
        id: String,
        /// Where it came first.
        first: usize,
    },
    /// Members of a group that are meant for different splits.
    #[error(
        "task {id:?} is in split {split:?}, others of its group {group:?} in {other:?}; a group must not straddle splits"
    )]
    Straddles {
        /// The task.
        id: String,
        /// Its split.
        split: String,
        /// Its group.
        group: String,
        /// The split of the group's first task.
        other: String,
    },
}

/// Faults shown; the others are counted.
const SHOWN: usize = 5;

fn list(faults: &[(usize, RowFault)]) -> String {
    let mut text: Vec<String> =
        faults.iter().take(SHOWN).map(|(line, fault)| format!("line {line}: {fault}")).collect();
    if faults.len() > SHOWN {
        text.push(format!("and {} more", faults.len() - SHOWN));
    }
    text.join("; ")
}
