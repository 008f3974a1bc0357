//! The engine through real modules: linked packs, a record in memory, a clock that only counts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod adapt;
mod budgets;
mod conformance;
mod dialogue;
mod episodes;
mod faults;
mod grading;
mod hooks;
mod memory;
mod pack;
mod questions;
mod replay;
mod saved;
mod subagents;
mod support;
