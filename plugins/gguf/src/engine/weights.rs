//! The weights of a model: what its architecture asks for, and nothing left over.
//!
//! A tensor of the file that nothing reads (an expert, a bias, a rotary scaling) would make another model of
//! what is computed; it is refused by name.

use super::architecture::Architecture;
use super::error::{EngineError, Result};
use super::gguf::Gguf;
use super::matrix::Matrix;
use super::threads::Pool;

/// One transformer layer.
pub struct Layer {
    /// Weight of the norm before attention.
    pub attn_norm: Vec<f32>,
    /// Query, key and value projections, one below the other.
    pub qkv: Matrix,
    /// Their biases, one after the other.
    pub qkv_bias: Option<Vec<f32>>,
    /// Weights of the norms of every head of queries, and of keys.
    pub qk_norm: Option<(Vec<f32>, Vec<f32>)>,
    /// Output projection.
    pub attn_out: Matrix,
    /// Weight of the norm after attention.
    pub attn_post_norm: Option<Vec<f32>>,
    /// Weight of the norm before the feed-forward part.
    pub ffn_norm: Vec<f32>,
    /// Gate and up projections, one below the other.
    pub gate_up: Matrix,
    /// Down projection.
    pub down: Matrix,
    /// Weight of the norm after the feed-forward part.
    pub ffn_post_norm: Option<Vec<f32>>,
}

/// All weights.
pub struct Weights {
    /// What they are the weights of.
    pub architecture: Architecture,
    /// Token embeddings; also the output projection where the file ties them.
    pub embed: Matrix,
    /// Output projection, if the file has one of its own.
    pub output: Option<Matrix>,
    /// Weight of the last norm.
    pub output_norm: Vec<f32>,
    /// What every rotary frequency is divided by, where the file says.
    pub rope_factors: Option<Vec<f32>>,
    /// The layers.
    pub layers: Vec<Layer>,
}

impl Weights {
    /// Reads and interleaves every tensor.
    ///
    /// # Errors
    ///
    /// A tensor is missing, has another shape, cannot be read, or is not one of this architecture.
    pub fn load(file: &Gguf, pool: &Pool) -> Result<Self> {
        let architecture = Architecture::read(file)?;
        let (e, h, vocab) = (architecture.embed, architecture.hidden, architecture.vocab);
        let (q, kv, dim) = (architecture.query_width(), architecture.kv_width(), architecture.head_dim);
        let _awake = pool.session();
        let matrix = |tensors: &[(String, usize)], cols: usize| Matrix::read(file, tensors, cols, pool);
        let layer = |i: usize| -> Result<Layer> {
            let name = |part: &str| format!("blk.{i}.{part}.weight");
            let qkv = [("attn_q", q), ("attn_k", kv), ("attn_v", kv)];
            let norm = |part: &str, width: usize| file.tensor(&name(part), &[width]);
            let if_so = |there: bool, part: &str, width: usize| there.then(|| norm(part, width)).transpose();
            let bias = |(part, rows): (&str, usize)| file.tensor(&format!("blk.{i}.{part}.bias"), &[rows]);
            let biases = architecture.qkv_bias.then(|| qkv.into_iter().map(bias).collect::<Result<Vec<_>>>());
            let queries = if_so(architecture.qk_norm, "attn_q_norm", dim)?;
            let keys = if_so(architecture.qk_norm, "attn_k_norm", dim)?;
            Ok(Layer {
                attn_norm: norm("attn_norm", e)?,
                qkv: matrix(&qkv.map(|(part, rows)| (name(part), rows)), e)?,
                qkv_bias: biases.transpose()?.map(|biases| biases.concat()),
                qk_norm: queries.zip(keys),
                attn_out: matrix(&[(name("attn_output"), e)], q)?,
                attn_post_norm: if_so(architecture.post_norms, "post_attention_norm", e)?,
                ffn_norm: norm("ffn_norm", e)?,
                gate_up: matrix(&[(name("ffn_gate"), h), (name("ffn_up"), h)], e)?,
                down: matrix(&[(name("ffn_down"), e)], h)?,
                ffn_post_norm: if_so(architecture.post_norms, "post_ffw_norm", e)?,
            })
        };
        let own = file.has("output.weight");
        let scaled = file.has("rope_freqs.weight");
        let weights = Self {
            embed: matrix(&[("token_embd.weight".into(), vocab)], e)?,
            output: own.then(|| matrix(&[("output.weight".into(), vocab)], e)).transpose()?,
            output_norm: file.tensor("output_norm.weight", &[e])?,
            rope_factors: scaled.then(|| file.tensor("rope_freqs.weight", &[dim / 2])).transpose()?,
            layers: (0..architecture.layers).map(layer).collect::<Result<_>>()?,
            architecture,
        };
        let unread = file.unread();
        if let Some(first) = unread.first() {
            return Err(EngineError::Unsupported {
                what: format!(
                    "`{}` models with a tensor `{first}` ({} such tensors); without it this would be another model",
                    weights.architecture.name,
                    unread.len()
                ),
            });
        }
        Ok(weights)
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
