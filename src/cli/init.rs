//! `harness init`: a suite of one's own and a first harness, from a few questions or from options.

use std::{io::IsTerminal, path::PathBuf};

use clap::Args;
use harness::{
    App, Control, Failure,
    app::{
        init::{InitRequest, init},
        suite::{NewRequest, Table, columns},
    },
};
use harness_terminal::question;

use super::{Global, output, suite::Marking};

/// Make a suite of your own tasks and a first harness, from a few questions or from options
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness init                                   asks: a name, a table, its columns, a model
  harness init capitals --model smollm2          a small example to look at and change
  harness init tickets --from tickets.csv --prompt question --answer label --model openai:gpt-4o-mini")]
pub struct InitArgs {
    /// The suite's name: letters, digits, _ and -, a letter first; without it you are asked
    name: Option<String>,
    /// The folder to make it in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// A table of tasks: .csv, .tsv or .jsonl; without one, a small example
    #[arg(long, value_name = "FILE", requires = "prompt", requires = "answer", requires = "name")]
    from: Option<PathBuf>,
    /// The table's column with the question
    #[arg(long, value_name = "COLUMN", requires = "from", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// The table's column with the right answer
    #[arg(long, value_name = "COLUMN", requires = "from", allow_hyphen_values = true)]
    answer: Option<String>,
    /// How a reply is marked
    #[arg(long, default_value = "exact", requires = "name")]
    grader: Marking,
    /// The model of its first harness: smollm2, gguf:FILE, openai:NAME, anthropic:NAME
    #[arg(long, short)]
    model: Option<String>,
}

/// Makes them.
pub fn run(app: &App, global: &Global, args: InitArgs) -> Result<(), Failure> {
    let request = match args.name {
        Some(name) => {
            let table = match (args.from, args.prompt, args.answer) {
                (Some(file), Some(prompt), Some(answer)) => {
                    Some(Table { file, prompt, answer, id: None, group: None, kind: None })
                }
                _ => None,
            };
            let suite = NewRequest { name, dir: args.dir, table, marking: args.grader.into() };
            InitRequest { suite, model: args.model }
        }
        None if !global.json && std::io::stdin().is_terminal() && question::somebody_is_there() => {
            asked(args.dir, args.model)?
        }
        None => {
            return Err(Failure::input("which name? nobody can be asked here").hint("harness init NAME; see --help"));
        }
    };
    let begun = init(app, &request, &Control::default())?;
    if global.json {
        return output::json(&begun);
    }
    let (tasks, groups) = (begun.made.tasks, begun.made.groups);
    output::line(format_args!("{}: {tasks} tasks in {groups} groups", begun.made.folder.display()))?;
    output::line(format_args!("{}: what evolution begins with; change it as you like", begun.harness.display()))?;
    output::line("\nnext:")?;
    let width = begun.next.iter().map(|next| next.command.len()).max().unwrap_or_default();
    for next in &begun.next {
        output::line(format_args!("  {:<width$}  {}", next.command, next.does))?;
    }
    Ok(())
}

/// What a person at the terminal says.
fn asked(dir: PathBuf, model: Option<String>) -> Result<InitRequest, Failure> {
    let name = ask("name of the suite", "my-tasks")?;
    let file = ask("table of tasks, .csv, .tsv or .jsonl (empty: a small example)", "")?;
    let mut marking = Marking::Exact;
    let table = if file.is_empty() {
        None
    } else {
        let file = PathBuf::from(file);
        let columns = columns(&file)?;
        output::note(format_args!("its columns: {}", columns.join(", ")));
        let prompt = one_of("column with the question", &columns, columns.first())?;
        let answer = one_of("column with the right answer", &columns, columns.get(1))?;
        let names = ["exact", "contains", "numeric", "regex"].map(str::to_owned);
        let how = one_of("how a reply is marked: exact, contains, numeric, regex", &names, names.first())?;
        marking = match how.as_str() {
            "contains" => Marking::Contains,
            "numeric" => Marking::Numeric,
            "regex" => Marking::Regex,
            _ => Marking::Exact,
        };
        Some(Table { file, prompt, answer, id: None, group: None, kind: None })
    };
    let model = match model {
        Some(model) => model,
        None => ask("model: smollm2, gguf:FILE, openai:NAME, anthropic:NAME", "smollm2")?,
    };
    let suite = NewRequest { name, dir, table, marking: marking.into() };
    Ok(InitRequest { suite, model: Some(model) })
}

/// One of these, asked again until it is.
fn one_of(what: &str, known: &[String], usual: Option<&String>) -> Result<String, Failure> {
    loop {
        let said = ask(what, usual.map_or("", String::as_str))?;
        if known.contains(&said) {
            return Ok(said);
        }
        output::note(format_args!("`{said}` is none of {}", known.join(", ")));
    }
}

/// A line of the terminal; an empty one is the usual answer.
fn ask(what: &str, usual: &str) -> Result<String, Failure> {
    let shown = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
    let said = question::ask(format_args!("{what}{shown}: "), || false)?;
    Ok(if said.trim().is_empty() { usual.to_owned() } else { said.trim().to_owned() })
}
