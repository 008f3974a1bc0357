//! The household pack, driven as a host drives it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, outside test functions")]

mod episodes;
mod world;
