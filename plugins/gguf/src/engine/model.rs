//! One loaded model, shared by every caller in the process.
//!
//! Callers are served one after the other, each by all threads: what a caller gets does not depend on who
//! else calls, and a batch never mixes callers.

use super::architecture::Architecture;
use super::cache::{Cache, Layout};
use super::error::{EngineError, Result};
use super::evaluate::{Answers, Query, Reuse, State, evaluate};
use super::forward::{Buffers, Engine};
use super::gguf::{Gguf, Value};
use super::kernels::Isa;
use super::template::Template;
use super::threads::Pool;
use super::tokenizer::Tokenizer;
use super::weights::Weights;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

/// How to load a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Options {
    /// Threads per pass; 0 = all cores.
    pub threads: usize,
    /// Longest sequence in tokens; 0 = what the model was trained for.
    pub context: usize,
    /// Bound of the key/value cache in MiB.
    pub cache_mb: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 0, context: 0, cache_mb: 1024 }
    }
}

/// A model in memory.
pub struct Model {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The chat template.
    pub template: Template,
    weights: Weights,
    isa: Isa,
    pool: Pool,
    context: usize,
    digest: String,
    name: String,
    simulated: bool,
    state: Mutex<State>,
}

impl Model {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is of an architecture, tokenizer or form that is not known.
    pub fn load(path: &Path, options: &Options) -> Result<Self> {
        Self::from_gguf(&Gguf::open(path)?, options, Isa::detect())
    }

    /// Loads an opened file for a given instruction set (one of [`Isa::available`]).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is of an architecture, tokenizer or form that is not known.
    pub fn from_gguf(file: &Gguf, options: &Options, isa: Isa) -> Result<Self> {
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n.min(64),
        };
        let pool = Pool::new(threads);
        let tokenizer = Tokenizer::read(file)?;
        let template = Template::read(file)?;
        // The digest is read beside the weights: both wait for the same bytes.
        let (weights, digest) = std::thread::scope(|scope| {
            let digest = scope.spawn(|| file.digest());
            let weights = Weights::load(file, &pool)?;
            Ok::<_, EngineError>((weights, digest.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?))
        })?;
        let shape = &weights.architecture;
        let context = match options.context {
            0 => shape.context,
            n if n <= shape.context => n,
            n => {
                return Err(EngineError::Invalid {
                    what: format!("`context` is {n}, the model knows up to {}", shape.context),
                });
            }
        };
        let layout = Layout { layers: shape.layers, heads: shape.kv_heads, dim: shape.head_dim };
        let max_pages = options.cache_mb.saturating_mul(1 << 20) / (layout.page_floats() * 4);
        if max_pages == 0 {
            return Err(EngineError::CacheTooSmall { pages: 0 });
        }
        let cache = Cache::new(layout, max_pages);
        let state = State { cache, buffers: Buffers::default(), logits: Vec::new() };
        let state = Mutex::new(state);
        let name = file.text("general.name").unwrap_or_default().to_owned();
        let simulated = file.get("harness.simulated") == Some(&Value::Bool(true));
        Ok(Self { tokenizer, template, weights, isa, pool, context, digest, name, simulated, state })
    }

    /// Instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// BLAKE3 of the file, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the file calls itself a simulated model (random weights, for tests).
    pub fn simulated(&self) -> bool {
        self.simulated
    }

    /// Name the file gives the model, if any.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Longest sequence in tokens.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The network.
    pub fn architecture(&self) -> &Architecture {
        &self.weights.architecture
    }

    /// Bytes of the weights in memory.
    pub fn weight_bytes(&self) -> usize {
        self.weights.bytes()
    }

    /// Answers queries; see [`evaluate`]. Each query must have at least one token.
    ///
    /// # Errors
    ///
    /// It was cancelled, or a query is longer than the model or the cache can hold.
    pub fn evaluate(&self, queries: &[Query], cancelled: &dyn Fn() -> bool) -> Result<(Vec<Answers>, Vec<Reuse>)> {
        for q in queries {
            if q.tokens.is_empty() || q.wants.iter().any(|w| w.0 >= q.tokens.len()) {
                return Err(EngineError::Invalid { what: "a query without tokens".into() });
            }
            if q.tokens.len() > self.context {
                return Err(EngineError::ContextExceeded { needed: q.tokens.len(), limit: self.context });
            }
            if let Some(t) = q.tokens.iter().find(|t| **t as usize >= self.weights.architecture.vocab) {
                return Err(EngineError::Invalid { what: format!("token {t} is outside the vocabulary") });
            }
        }
        let mut state = self.state();
        let (isa, pool) = (self.isa, &self.pool);
        let engine = Engine { isa, pool, weights: &self.weights };
        evaluate(&engine, &mut state, queries, cancelled)
    }

    /// How many leading tokens are remembered.
    pub fn remembered(&self, tokens: &[u32]) -> usize {
        self.state().cache.known(tokens)
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.state().cache.clear();
    }

    /// The state; after a panic in the middle of a pass, without what was remembered.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            self.state.clear_poison();
            let mut state = poisoned.into_inner();
            state.cache.clear();
            state
        })
    }
}
