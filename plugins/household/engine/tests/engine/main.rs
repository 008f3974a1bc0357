//! The engine against recorded play of the reference, against broken files and against itself.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "helpers of tests, outside test functions"
)]

mod broken;
mod data;
mod generated;
mod reference;
mod tiny;
