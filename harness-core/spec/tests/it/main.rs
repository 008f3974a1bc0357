//! What the harness as data promises: the edit laws over random harnesses, and error texts a person can act on.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod errors;
mod files;
mod generate;
mod inner;
mod laws;
mod pools;
