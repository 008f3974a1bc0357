//! Behaviour of the function-calling benchmark: data reading, marking, fetching.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and the reason of a skip")]

mod checking;
mod official;
mod playing;
mod reading;
mod support;
