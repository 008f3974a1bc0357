//! Models over HTTP, and the only place of the workspace that speaks it. Linked in, but in the same way as a plugin.

pub mod anthropic;
mod fuzzing;
mod http;
#[cfg(test)]
mod laws;
pub mod openai;
mod prices;
mod reply;

pub use fuzzing::fuzz;
pub use http::post;

/// What the pack says of itself.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    models: {
        "openai" => openai::model,
        "anthropic" => anthropic::model,
    },
}
