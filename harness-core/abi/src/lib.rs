//! The threshold: what module packs compile against.
mod hook;
pub use hook::{Hook, Kind};
