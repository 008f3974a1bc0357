//! The plugin ABI against its own past: layouts and public names that were released stay.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod api;
mod layout;
mod snapshot;
mod walk;
