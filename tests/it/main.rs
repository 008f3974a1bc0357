//! The binary, end to end: every subcommand as a person runs it, with real packs in a workspace of its own. Never the network.

mod bad_harness;
mod bad_packs;
mod edit;
mod help;
mod models;
mod new_pack;
mod packs;
mod pull;
mod run;
mod support;
