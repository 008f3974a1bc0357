//! The weights of a llama-architecture model, requantised to the kernels' 8-bit form while loading.
//!
//! A Q4_1 file is as good a source as a Q8_0 one: loading takes the same time either way, so nothing is
//! ever rewritten on disk. Other architectures, rotary scalings and biases are refused by name.

use super::error::{EngineError, Result};
use super::gguf::{Gguf, Value};
use super::lanes::LANES;
use super::matrix::{BLOCK, Matrix};
use super::threads::Pool;

/// Sizes of the network.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Model width.
    pub embed: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key/value heads; divides `heads`.
    pub kv_heads: usize,
    /// Floats per head.
    pub head_dim: usize,
    /// Width of the feed-forward part.
    pub hidden: usize,
    /// Tokens known.
    pub vocab: usize,
    /// Context the model was trained for, in tokens.
    pub context: usize,
    /// Epsilon of the RMS norms.
    pub eps: f32,
    /// Base of the rotary frequencies.
    pub rope_base: f64,
}

/// One transformer layer.
pub struct Layer {
    /// Weight of the norm before attention.
    pub attn_norm: Vec<f32>,
    /// Query, key and value projections, one below the other.
    pub qkv: Matrix,
    /// Output projection.
    pub attn_out: Matrix,
    /// Weight of the norm before the feed-forward part.
    pub ffn_norm: Vec<f32>,
    /// Gate and up projections, one below the other.
    pub gate_up: Matrix,
    /// Down projection.
    pub down: Matrix,
}

/// All weights.
pub struct Weights {
    /// Sizes.
    pub shape: Shape,
    /// Token embeddings; also the output projection where the file ties them.
    pub embed: Matrix,
    /// Output projection, if the file has one of its own.
    pub output: Option<Matrix>,
    /// Weight of the last norm.
    pub output_norm: Vec<f32>,
    /// The layers.
    pub layers: Vec<Layer>,
}

impl Shape {
    fn read(file: &Gguf) -> Result<Self> {
        let arch = file.text("general.architecture")?;
        if arch != "llama" {
            return Err(EngineError::Unsupported {
                what: format!("general.architecture is `{arch}`; this engine runs `llama`"),
            });
        }
        if let Some(kind) = file.get("llama.rope.scaling.type")
            && *kind != Value::Text("none".into())
        {
            return Err(EngineError::Unsupported { what: format!("rope scaling {kind:?}") });
        }
        let size = |key: &str| file.uint(&format!("llama.{key}"));
        let (embed, heads) = (size("embedding_length")?, size("attention.head_count")?);
        let head_dim = embed.checked_div(heads).unwrap_or(0);
        let vocab = file.texts("tokenizer.ggml.tokens")?.len();
        let shape = Self {
            embed,
            layers: size("block_count")?,
            heads,
            kv_heads: size("attention.head_count_kv").unwrap_or(heads),
            head_dim,
            hidden: size("feed_forward_length")?,
            vocab,
            context: size("context_length")?,
            eps: file.float("llama.attention.layer_norm_rms_epsilon")? as f32,
            rope_base: file.float("llama.rope.freq_base").unwrap_or(10_000.0),
        };
        let rotated = size("rope.dimension_count").unwrap_or(head_dim);
        let sound = shape.layers > 0
            && shape.kv_heads > 0
            && shape.vocab > 0
            && shape.context > 0
            && head_dim * heads == embed
            && head_dim.is_multiple_of(LANES)
            && rotated == head_dim
            && heads.is_multiple_of(shape.kv_heads)
            && embed.is_multiple_of(BLOCK)
            && shape.hidden > 0
            && shape.hidden.is_multiple_of(BLOCK)
            && shape.layers <= 1 << 12
            && shape.context <= 1 << 24
            && embed.max(shape.hidden).max(shape.vocab) <= 1 << 24;
        if !sound {
            return Err(EngineError::Unsupported {
                what: format!(
                    "sizes {shape:?} with {rotated} rotary dimensions; widths must be multiples of {BLOCK}, \
                     heads of {LANES}, every head fully rotated"
                ),
            });
        }
        Ok(shape)
    }

    /// Width of the keys (and of the values) of a token.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}

impl Weights {
    /// Reads, requantises and interleaves every tensor.
    ///
    /// # Errors
    ///
    /// A tensor is missing or has another shape.
    pub fn load(file: &Gguf, pool: &Pool) -> Result<Self> {
        let shape = Shape::read(file)?;
        let (e, h, kv) = (shape.embed, shape.hidden, shape.kv_width());
        let _awake = pool.session();
        let stacked = |names: &[(String, usize)], cols: usize| -> Result<Matrix> {
            let mut all = Vec::new();
            let rows = names.iter().map(|n| n.1).sum();
            for (name, rows) in names {
                all.extend(file.tensor(name, &[*rows, cols])?);
            }
            Ok(Matrix::quantise(&all, rows, cols, pool))
        };
        let layer = |i: usize| -> Result<Layer> {
            let name = |part: &str| format!("blk.{i}.{part}.weight");
            if file.has(&format!("blk.{i}.attn_q.bias")) {
                return Err(EngineError::Unsupported { what: "biases in attention".into() });
            }
            let qkv = [(name("attn_q"), e), (name("attn_k"), kv), (name("attn_v"), kv)];
            Ok(Layer {
                attn_norm: file.tensor(&name("attn_norm"), &[e])?,
                qkv: stacked(&qkv, e)?,
                attn_out: stacked(&[(name("attn_output"), e)], e)?,
                ffn_norm: file.tensor(&name("ffn_norm"), &[e])?,
                gate_up: stacked(&[(name("ffn_gate"), h), (name("ffn_up"), h)], e)?,
                down: stacked(&[(name("ffn_down"), e)], h)?,
            })
        };
        let own = file.has("output.weight");
        Ok(Self {
            embed: stacked(&[("token_embd.weight".into(), shape.vocab)], e)?,
            output: own.then(|| stacked(&[("output.weight".into(), shape.vocab)], e)).transpose()?,
            output_norm: file.tensor("output_norm.weight", &[e])?,
            layers: (0..shape.layers).map(layer).collect::<Result<_>>()?,
            shape,
        })
    }

    /// The projection onto the vocabulary.
    pub fn vocabulary(&self) -> &Matrix {
        self.output.as_ref().unwrap_or(&self.embed)
    }

    /// Bytes of all matrices.
    pub fn bytes(&self) -> usize {
        let layers =
            self.layers.iter().map(|l| l.qkv.bytes() + l.attn_out.bytes() + l.gate_up.bytes() + l.down.bytes());
        layers.sum::<usize>() + self.embed.bytes() + self.output.as_ref().map_or(0, Matrix::bytes)
    }
}
