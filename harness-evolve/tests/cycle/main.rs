//! The cycle over simulated evaluators: what it finds, what it refuses, and that it survives being killed anywhere.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests: a failure is a panic, a report is shown")]

mod approval;
mod attribution;
mod cheats;
mod interrupted;
mod laws;
mod meta;
mod record_digest;
mod report;
mod resume;
mod simulation;
mod stages;
mod variants;
mod verify;
