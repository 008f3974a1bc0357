//! The engine on a simulated model (random weights), the pack through its interface, and both on the real
//! weights where this machine has them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests fail like tests")]

mod bits;
mod blocks;
mod common;
mod files;
mod pack;
mod products;
mod real;
mod reference;
mod replies;
mod templates;
mod tokens;
