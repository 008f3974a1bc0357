//! Tools of MCP servers, and tools of ours for MCP clients: the only place of the workspace that speaks that protocol. Linked in, but in the same way
//! as a plugin. Believes nothing a server says of itself but its tools' names, descriptions and schemas, and those it checks.

mod answer;
mod child;
mod config;
mod connect;
mod fuzzing;
mod listing;
mod names;
mod pages;
mod server;
mod strange;
mod tool_server;

pub use fuzzing::fuzz;
pub use tool_server::{Call, News, ServeError, ServedTools, serve};

/// What the pack says of itself.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    tools: {
        "server" => server::Server::new,
        "shared_server" => server::Server::new,
    },
}
