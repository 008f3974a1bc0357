//! `harness plugin new`: a crate with a working module of one kind, and the interface it compiles against beside it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use harness::{
    Control, Failure,
    app::pack::{self, NewRequest, new},
};

use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin new reminder --kind processor
  harness plugin new my_planner --kind processor --slot planner     takes the planner's place
  harness plugin new my_world --kind environment --dir ~/packs

The folder holds pack.toml (what the pack says of itself), src/lib.rs (a module that works, with a test) and Cargo.toml.
It depends on harness-abi alone, whose sources are written beside it: no checkout of this program is needed.")]
pub struct NewArgs {
    /// The pack's name: letters, digits, _ and -, a letter first
    name: String,
    /// What its module is
    #[arg(long)]
    kind: Kind,
    /// The slot of a processor (planner, tool_router, memory, …): a harness holds at most one of each
    #[arg(long, alias = "role")]
    slot: Option<String>,
    /// The folder to make it in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// The five kinds of module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Answers hooks: prompts, memory, planning, routing, control
    Processor,
    /// Something the model may call
    Tool,
    /// Chats and scores
    Model,
    /// A world with tasks
    Environment,
    /// Turns a final state into a reward
    Grader,
}

impl From<Kind> for pack::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Processor => Self::Processor,
            Kind::Tool => Self::Tool,
            Kind::Model => Self::Model,
            Kind::Environment => Self::Environment,
            Kind::Grader => Self::Grader,
        }
    }
}

/// Makes the crate.
pub fn run(global: &Global, args: NewArgs) -> Result<(), Failure> {
    let request = NewRequest { name: args.name, kind: args.kind.into(), slot: args.slot, dir: args.dir };
    let made = new(&request, &Control::default())?;
    if global.json {
        return output::json(&made);
    }
    let [build, check, add] = &made.next;
    output::line(format_args!(
        "made {}\nnext:\n  {build}\n  {check}\n  {add}\nthen `harness evolve` may try it",
        made.folder.display()
    ))
}
