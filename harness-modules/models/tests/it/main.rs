//! The models of this pack against servers on the loopback.

mod anthropic;
mod bad;
mod chat;
mod fake;
mod responses;
mod secrets;
