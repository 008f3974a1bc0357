//! `harness suite new`: a folder with tasks, a grader and a first harness.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use harness::{
    Control, Failure,
    app::suite::{self, NewRequest, Table},
};
use serde_json::json;

use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness suite new capitals                                            a small example to look at and change
  harness suite new tickets --from tickets.csv --prompt question --answer label
  harness suite new sums --from sums.jsonl --prompt q --answer a --grader numeric")]
pub struct NewArgs {
    /// The suite's name: letters, digits, _ and -, a letter first
    name: String,
    /// The folder to make it in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// A table of tasks: .csv, .tsv or .jsonl
    #[arg(long, value_name = "FILE", requires = "prompt", requires = "answer")]
    from: Option<PathBuf>,
    /// The table's column with the question
    #[arg(long, value_name = "COLUMN", requires = "from", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// The table's column with the right answer
    #[arg(long, value_name = "COLUMN", requires = "from", allow_hyphen_values = true)]
    answer: Option<String>,
    /// The table's column with a name for each task; rows are numbered without it
    #[arg(long, value_name = "COLUMN", requires = "from", allow_hyphen_values = true)]
    id: Option<String>,
    /// The table's column that says which rows stand or fall together, as copies of one question do
    #[arg(long, value_name = "COLUMN", requires = "from", allow_hyphen_values = true)]
    group: Option<String>,
    /// The table's column with what is known of a task before it is run
    #[arg(long, value_name = "COLUMN", requires = "from", allow_hyphen_values = true)]
    kind: Option<String>,
    /// How a reply is marked
    #[arg(long, alias = "verifier", default_value = "exact")]
    grader: Marking,
}

/// How a reply is compared with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Marking {
    /// The reply is the answer, or one of the answers
    Exact,
    /// The reply holds the answer, or every one of the answers
    Contains,
    /// The last number of the reply is the answer
    Numeric,
    /// The whole reply matches the answer, a regular expression
    Regex,
}

impl From<Marking> for suite::Marking {
    fn from(marking: Marking) -> Self {
        match marking {
            Marking::Exact => Self::Exact,
            Marking::Contains => Self::Contains,
            Marking::Numeric => Self::Numeric,
            Marking::Regex => Self::Regex,
        }
    }
}

/// Makes the folder.
pub fn run(global: &Global, args: NewArgs) -> Result<(), Failure> {
    let table = match (args.from, args.prompt, args.answer) {
        (Some(file), Some(prompt), Some(answer)) => {
            Some(Table { file, prompt, answer, id: args.id, group: args.group, kind: args.kind })
        }
        _ => None,
    };
    let request = NewRequest { name: args.name, dir: args.dir, table, marking: args.grader.into() };
    let made = suite::new(&request, &Control::default())?;
    let path = made.folder.display();
    let next = [format!("harness suite check {path}"), format!("harness bench {path} --model MODEL")];
    if global.json {
        return output::json(&json!({"folder": made.folder, "tasks": made.tasks, "groups": made.groups, "next": next}));
    }
    output::line(format_args!("made {path} with {} tasks\nnext:\n  {}\n  {}", made.tasks, next[0], next[1]))
}
