//! GGUF language models on the CPU.

pub mod engine;
