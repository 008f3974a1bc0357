//! The binary, end to end: every subcommand as a person runs it, with real packs in a workspace of its own. Never the network.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop where it stands, and says what it skips"
)]

mod approval;
mod bad_harness;
mod bad_packs;
mod beginnings;
mod c_pack;
mod claims;
mod compare;
mod conformance;
mod deploy;
mod disturbed;
mod edit;
mod ends;
mod entry_points;
mod evolve;
mod examples;
mod faults;
mod help;
mod injection;
mod looks;
mod mcp;
mod mcp_serve;
mod mixed;
mod models;
mod new_pack;
mod own_state;
mod packs;
mod pull;
mod run;
mod same_model;
mod seeds;
mod serve;
mod stranger;
mod subagents;
mod suite;
mod support;
mod swap;
mod terminal;
mod tools;
mod traces;
mod trust;
mod tutorial;
mod vendors;
mod walk;
mod workspaces;
mod write_faults;
