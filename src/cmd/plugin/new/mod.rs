//! `harness plugin new`: a crate with a working module of one kind, and the interface it compiles against beside it. Refuses to
//! write over anything.

mod interface;
mod template;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use harness_spec::valid_name;
use serde_json::json;

use super::Global;
use crate::{failure::Failure, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin new reminder --kind processor
  harness plugin new my_planner --kind processor --role planner     takes the planner's place
  harness plugin new my_world --kind environment --dir ~/packs

The folder holds pack.toml (what the pack says of itself), src/lib.rs (a module that works, with a test) and Cargo.toml.
It depends on harness-abi alone, whose sources are written beside it: no checkout of this program is needed.")]
pub struct NewArgs {
    /// The pack's name: letters, digits, _ and -, a letter first
    name: String,
    /// What its module is
    #[arg(long)]
    kind: Kind,
    /// The role of a processor (planner, tool_router, memory, …): a harness holds at most one of each
    #[arg(long)]
    role: Option<String>,
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

/// Makes the crate.
pub fn run(global: &Global, args: &NewArgs) -> Result<(), Failure> {
    for (what, name) in [("a pack's name", Some(&args.name)), ("a role", args.role.as_ref())] {
        if let Some(name) = name.filter(|name| !valid_name(name)) {
            return Err(Failure::input(format!("`{name}` cannot be {what}"))
                .hint("use letters, digits, `_` and `-`, a letter first, for example my_pack"));
        }
    }
    if ["harness-abi", "serde", "serde_json"].contains(&&*args.name) {
        return Err(Failure::input(format!("`{}` is what the pack depends on", args.name)).hint("choose another name"));
    }
    if args.role.is_some() && args.kind != Kind::Processor {
        return Err(Failure::input("only a processor has a role").hint("leave out --role, or make it --kind processor"));
    }
    // `.` says nothing: what is shown is what a person would type.
    let here = args.dir.as_os_str() == ".";
    let folder = if here { PathBuf::from(&args.name) } else { args.dir.join(&args.name) };
    if folder.exists() {
        return Err(Failure::input(format!("{} is there already", folder.display()))
            .hint("choose another name, another --dir, or move it away"));
    }
    interface::put(&args.dir.join("harness-abi"))?;
    for (path, text) in template::files(args.kind, &args.name, args.role.as_deref()) {
        write(&folder.join(path), &text)?;
    }
    let library = format!("lib{}.so", args.name.replace('-', "_"));
    let build = format!("cargo build --release --manifest-path {}", folder.join("Cargo.toml").display());
    let built = folder.join("target/release").join(library);
    let check = format!("harness plugin check {}", built.display());
    let add = format!("harness plugin add {}", built.display());
    if global.json {
        return output::json(&json!({"folder": folder, "next": [build, check, add]}));
    }
    output::line(format_args!(
        "made {}\nnext:\n  {build}\n  {check}\n  {add}\nthen `harness evolve` may try it",
        folder.display()
    ))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    crate::replace::replace(path, text)
}
