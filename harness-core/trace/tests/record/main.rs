//! The record as its users see it: what goes in comes out, whatever happens in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]
#![allow(clippy::print_stdout, reason = "a child process reports on its output")]

mod chain;
mod crash;
mod derived;
mod laws;
mod samples;
mod store;
mod voids;
