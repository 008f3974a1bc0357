//! The language-model engine: GGUF weights on the CPU.
//!
//! Reading order: `gguf` (container) and `blocks` (formats of weights) → `architecture` (what is computed) → `weights` (`interleave`d as
//! they are) → `kernels` and `matrix` (arithmetic) → `cache` (keys and values as a radix tree) → `forward` (one pass over a batch) →
//! `evaluate` (sequences in, logits and log-probabilities out) → `model` (one loaded model) → `generate` and
//! `score` (what a caller wants), under `constrain` and `sample`. It knows nothing of the pack's ABI.

pub mod architecture;
pub mod blocks;
pub mod cache;
pub mod constrain;
pub mod error;
pub mod evaluate;
#[allow(unsafe_code, reason = "rows write their own slots of shared pages in parallel")]
pub mod forward;
pub mod generate;
pub mod gguf;
#[allow(unsafe_code, reason = "compiled once per instruction set")]
pub mod interleave;
#[allow(unsafe_code, reason = "SIMD and disjoint writes from several threads")]
pub mod kernels;
pub mod lanes;
pub mod matrix;
pub mod model;
#[allow(unsafe_code, reason = "pages are shared between threads by address")]
mod pages;
pub mod sample;
pub mod score;
pub mod template;
#[allow(unsafe_code, reason = "a region of parallel work borrows the caller's stack")]
pub mod threads;
pub mod tokenizer;
pub mod weights;

pub use error::{EngineError, Result};
pub use model::{Model, Options};
