//! A crate with a working module of one kind, and the interface it compiles against beside it. Refuses to write over anything.

mod interface;
mod template;

use std::path::{Path, PathBuf};

use harness_spec::valid_name;
use serde::{Deserialize, Serialize};

use crate::{Control, Failure};

/// A pack to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// The pack's name: letters, digits, `_` and `-`, a letter first.
    pub name: String,
    /// What its module is.
    pub kind: Kind,
    /// The slot of a processor (`planner`, `tool_router`, `memory`, …).
    #[serde(default, alias = "role")]
    pub slot: Option<String>,
    /// The folder to make it in.
    pub dir: PathBuf,
}

/// The five kinds of module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Answers hooks: prompts, memory, planning, routing, control.
    Processor,
    /// Something the model may call.
    Tool,
    /// Chats and scores.
    Model,
    /// A world with tasks.
    Environment,
    /// Turns a final state into a reward.
    Grader,
}

/// A pack that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its folder.
    pub folder: PathBuf,
    /// Commands that build, check and add it.
    pub next: [String; 3],
}

/// Makes the crate, and beside it the sources of `harness-abi`, which it depends on alone.
///
/// # Errors
///
/// A name or a folder is taken or cannot be used, a file cannot be written, or it was cancelled.
pub fn new(request: &NewRequest, control: &Control) -> Result<Made, Failure> {
    for (what, name) in [("a pack's name", Some(&request.name)), ("a slot", request.slot.as_ref())] {
        if let Some(name) = name.filter(|name| !valid_name(name)) {
            return Err(Failure::input(format!("`{name}` cannot be {what}"))
                .hint("use letters, digits, `_` and `-`, a letter first, for example my_pack"));
        }
    }
    if ["harness-abi", "serde", "serde_json"].contains(&&*request.name) {
        return Err(
            Failure::input(format!("`{}` is what the pack depends on", request.name)).hint("choose another name")
        );
    }
    if request.slot.is_some() && request.kind != Kind::Processor {
        return Err(
            Failure::input("only a processor takes a slot").hint("leave out --slot, or make it --kind processor")
        );
    }
    // `.` says nothing: what is shown is what a person would type.
    let here = request.dir.as_os_str() == ".";
    let folder = if here { PathBuf::from(&request.name) } else { request.dir.join(&request.name) };
    if folder.exists() {
        return Err(Failure::input(format!("{} is there already", folder.display()))
            .hint("choose another name, another --dir, or move it away"));
    }
    control.check()?;
    interface::put(&request.dir.join("harness-abi"))?;
    for (path, text) in template::files(request.kind, &request.name, request.slot.as_deref()) {
        write(&folder.join(path), &text)?;
    }
    let library = format!("lib{}.so", request.name.replace('-', "_"));
    let build = format!("cargo build --release --manifest-path {}", folder.join("Cargo.toml").display());
    let built = folder.join("target/release").join(library);
    let check = format!("harness plugin check {}", built.display());
    let add = format!("harness plugin add {}", built.display());
    Ok(Made { folder, next: [build, check, add] })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    crate::replace::replace(path, text)
}
