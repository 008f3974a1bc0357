//! What can be wrong with a data folder. Every variant says where and what to do.

use std::path::PathBuf;

use crate::task::Category;

/// A data folder that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// None of the known layouts is there.
    #[error(
        "no BFCL data in {}: looked for {} in it and in {}; give the unzipped bfcl-eval wheel, its bfcl_eval/data folder or a folder made by `harness data pull bfcl`",
        dir.display(),
        "BFCL_v4_<category>.json",
        looked.join(", ")
    )]
    NotFound {
        /// The folder given.
        dir: PathBuf,
        /// The folders below it that were tried.
        looked: Vec<String>,
    },
    /// A file is there and cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is not a task or not a gold answer.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: LineFault,
    },
    /// A category was asked for that this folder does not hold.
    #[error("no {category} tasks in {origin} (present: {present})")]
    MissingCategory {
        /// What was asked for.
        category: Category,
        /// Where from.
        origin: String,
        /// What is there.
        present: String,
    },
}

/// What is wrong with one line.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// Not JSON, or not an object with the keys of the format.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The question is not one turn.
    #[error("task {id}: the question has {turns} turns, only single-turn tasks are marked")]
    Turns {
        /// The task.
        id: String,
        /// How many turns it has.
        turns: usize,
    },
    /// The id does not end in `_<n>` or `_<n>-<group>-<m>`.
    #[error("id {0:?} is neither <category>_<n> nor <category>_<n>-<group>-<m>")]
    Id(String),
    /// The id belongs to another category than the file.
    #[error("id {id:?} in a file of {category}")]
    Stray {
        /// The id.
        id: String,
        /// The file's category.
        category: Category,
    },
    /// The same id twice in one file.
    #[error("id {0:?} appears twice")]
    Twice(String),
    /// A function document without a name or without parameters.
    #[error("task {id}: function {index} has no {key}")]
    Function {
        /// The task.
        id: String,
        /// Which function, from 0.
        index: usize,
        /// The missing key.
        key: &'static str,
    },
    /// A task that needs a gold answer has none.
    #[error("task {0:?} has no gold answer")]
    NoGold(String),
    /// A gold answer for a task that is not there.
    #[error("gold answer for {0:?}, which is not a task of this category")]
    NoTask(String),
    /// A gold call that is not `{function: {parameter: [accepted values]}}`.
    #[error("gold answer of {id}: call {index} is not {{function: {{parameter: [accepted values]}}}}")]
    GoldShape {
        /// The task.
        id: String,
        /// Which call, from 0.
        index: usize,
    },
    /// A gold answer names a function that is not on offer.
    #[error("gold answer of {id} calls {name:?}, which is not on offer")]
    GoldName {
        /// The task.
        id: String,
        /// The function.
        name: String,
    },
    /// A row of the self-written set names no known category.
    #[error(transparent)]
    Category(#[from] crate::task::UnknownCategory),
}
