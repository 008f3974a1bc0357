//! The plugin host against real files: good packs, every kind of bad one, locks and versions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod admission;
mod bad_files;
mod growth;
mod support;
mod trust;
