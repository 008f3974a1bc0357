//! Downloads, from a stand-in for pip and from a server of a few lines on this machine.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod http;
mod sources;
mod wheel;
