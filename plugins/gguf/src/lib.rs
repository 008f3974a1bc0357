//! GGUF language models on the CPU, as a module pack.
//!
//! `engine` runs the model and knows nothing of packs; the other modules are the adapter: configuration,
//! conversations and tools to prompts, requests to engine calls. Grammars (GBNF) are refused by name.

mod adapter;
mod config;
pub mod engine;
mod tools;

pub use adapter::GgufModel;
pub use config::{Config, default_path};

#[allow(unsafe_code, reason = "the export macro declares the symbol a host looks up")]
mod export {
    use super::{Config, GgufModel};

    harness_abi::export_pack! {
        manifest: include_str!("../pack.toml"),
        models: { "gguf" => |config: Config| GgufModel::open(&config) },
    }
}

pub use export::pack;
