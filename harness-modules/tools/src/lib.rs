//! Tools an agent works with. Linked in, but in the same way as a plugin. Every one is bounded in bytes, lines and
//! seconds, says what it cut and how to see the rest, and refuses what lies outside the episode's workspace.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test stops where it fails"))]

mod agent;
mod answer;
mod approval;
mod bash;
mod edit;
mod fetch;
mod folder;
mod glob;
mod grep;
mod person;
mod read;
mod search;
mod todo;
mod write;

/// What the pack says of itself.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    processors: { "approval" => approval::Approval::new },
    tools: {
        "bash" => bash::Bash::new,
        "read" => |config| Ok(read::Read::new(config)),
        "write" => |config| Ok(write::Write::new(config)),
        "edit" => |config| Ok(edit::Edit::new(config)),
        "glob" => |config| Ok(glob::Glob::new(config)),
        "grep" => |config| Ok(grep::Grep::new(config)),
        "agent" => agent::Agent::new,
        "fetch" => fetch::Fetch::new,
        "todo" => |config| Ok(todo::Todo::new(config)),
    },
    models: { "person" => person::Person::new },
}
