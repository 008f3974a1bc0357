//! What kind of network a file holds: everything in which the supported architectures differ, as one value.
//!
//! `FAMILIES` says what a family always is, the file's metadata the sizes; [`Architecture`] is both together,
//! and nothing else in the engine asks for a name. Facts are those of llama.cpp's `src/models`, which writes
//! and reads such files. A tensor of the file that the architecture does not use is an error (see `weights`),
//! so a variant that is not known here is refused and not computed wrongly.

use super::error::{EngineError, Result};
use super::gguf::{Gguf, Value};
use super::lanes::LANES;
use super::matrix::BLOCK;

/// Which two dimensions of a head a rotary frequency turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// 2i and 2i + 1 (Su et al. 2021): `llama` files, whose rows the converter has permuted.
    Adjacent,
    /// i and i + d/2, as GPT-NeoX does.
    Halves,
}

/// The nonlinearity of the gated feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(x).
    Silu,
    /// The tanh form of GELU.
    Gelu,
}

/// Rotary position embedding of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub base: f64,
    /// Positions are divided by this (linear scaling); 1 for none.
    pub stretch: f64,
}

/// Attention to the last positions only, in some of the layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sliding {
    /// Positions a token sees, itself included.
    pub window: usize,
    /// Every so many-th layer sees everything; the others slide.
    pub period: usize,
    /// Rotary embedding of the layers that slide.
    pub rope: Rope,
}

/// A network.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// `general.architecture`.
    pub name: &'static str,
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
    /// Which dimensions are turned together.
    pub pairs: Pairs,
    /// Rotary embedding of the layers that see everything.
    pub rope: Rope,
    /// Whether some layers see the last positions only.
    pub sliding: Option<Sliding>,
    /// Whether query, key and value projections have biases.
    pub qkv_bias: bool,
    /// Whether every head of queries and keys is normalised before it is turned.
    pub qk_norm: bool,
    /// Whether what a layer's two parts add is normalised before it is added.
    pub post_norms: bool,
    /// The nonlinearity.
    pub activation: Activation,
    /// What embeddings are multiplied by.
    pub embedding_scale: f32,
    /// What queries are multiplied by.
    pub attention_scale: f32,
}

/// What all models of an architecture have in common.
struct Family {
    name: &'static str,
    pairs: Pairs,
    qkv_bias: bool,
    qk_norm: bool,
    post_norms: bool,
    activation: Activation,
    /// Whether embeddings are multiplied by the square root of the width.
    scaled_embeddings: bool,
    /// Of families with sliding layers: the period, and the base of their rotary embedding, unless the file says.
    sliding: Option<(usize, f64)>,
}

const LLAMA: Family = Family {
    name: "llama",
    pairs: Pairs::Adjacent,
    qkv_bias: false,
    qk_norm: false,
    post_norms: false,
    activation: Activation::Silu,
    scaled_embeddings: false,
    sliding: None,
};

/// The architectures that run here.
const FAMILIES: [Family; 4] = [
    LLAMA,
    Family { name: "qwen2", pairs: Pairs::Halves, qkv_bias: true, ..LLAMA },
    Family { name: "qwen3", pairs: Pairs::Halves, qk_norm: true, ..LLAMA },
    Family {
        name: "gemma3",
        pairs: Pairs::Halves,
        qk_norm: true,
        post_norms: true,
        activation: Activation::Gelu,
        scaled_embeddings: true,
        sliding: Some((6, 10_000.0)),
        ..LLAMA
    },
];

impl Architecture {
    /// What the file's metadata says.
    ///
    /// # Errors
    ///
    /// The architecture is not known, or its sizes or scalings are none that this engine computes.
    pub fn read(file: &Gguf) -> Result<Self> {
        let unsupported = |what: String| EngineError::Unsupported { what };
        let name = file.text("general.architecture")?;
        let Some(family) = FAMILIES.iter().find(|family| family.name == name) else {
            let known: Vec<String> = FAMILIES.iter().map(|family| format!("`{}`", family.name)).collect();
            let known = known.join(", ");
            return Err(unsupported(format!("general.architecture is `{name}`; this engine runs {known}")));
        };
        let size = |key: &str| file.uint(&format!("{name}.{key}"));
        let number = |key: &str| file.float(&format!("{name}.{key}"));
        let (embed, layers, heads) = (size("embedding_length")?, size("block_count")?, size("attention.head_count")?);
        let head_dim = size("attention.key_length").unwrap_or_else(|_| embed.checked_div(heads).unwrap_or(0));
        let stretch = Self::stretch(file, name)?;
        let window = family.sliding.and_then(|family| Some((family, size("attention.sliding_window").ok()?)));
        let architecture = Self {
            name: family.name,
            embed,
            layers,
            heads,
            kv_heads: size("attention.head_count_kv").unwrap_or(heads),
            head_dim,
            hidden: size("feed_forward_length")?,
            vocab: file.texts("tokenizer.ggml.tokens")?.len(),
            context: size("context_length")?,
            eps: number("attention.layer_norm_rms_epsilon")? as f32,
            pairs: family.pairs,
            rope: Rope { base: number("rope.freq_base").unwrap_or(10_000.0), stretch },
            sliding: window.map(|((period, base), window)| Sliding {
                window,
                period: size("attention.sliding_window_pattern").unwrap_or(period),
                rope: Rope { base: number("rope.freq_base_swa").unwrap_or(base), stretch: 1.0 },
            }),
            qkv_bias: family.qkv_bias || file.has("blk.0.attn_q.bias"),
            qk_norm: family.qk_norm,
            post_norms: family.post_norms,
            activation: family.activation,
            embedding_scale: if family.scaled_embeddings { (embed as f32).sqrt() } else { 1.0 },
            // As llama.cpp: the 27B model of gemma3, known by its 62 layers, divides by its width per head.
            attention_scale: match (family.name, layers, embed.checked_div(heads)) {
                ("gemma3", 62, Some(width)) => 1.0 / (width as f32).sqrt(),
                _ => 1.0 / (head_dim as f32).sqrt(),
            },
        };
        let rotated = size("rope.dimension_count").unwrap_or(head_dim);
        let values = size("attention.value_length").unwrap_or(head_dim);
        architecture.check(rotated, values).map(|()| architecture)
    }

    /// How many times further apart positions lie than they were trained at; 1 where they are as they were.
    fn stretch(file: &Gguf, name: &str) -> Result<f64> {
        let key = |key: &str| format!("{name}.rope.scaling.{key}");
        match file.get(&key("type")) {
            None => Ok(1.0),
            Some(Value::Text(kind)) if kind == "none" => Ok(1.0),
            Some(Value::Text(kind)) if kind == "linear" => match file.float(&key("factor"))? {
                factor if factor.is_finite() && factor > 0.0 => Ok(factor),
                factor => Err(EngineError::Unsupported { what: format!("rope scaling by {factor}") }),
            },
            Some(kind) => Err(EngineError::Unsupported {
                what: format!("rope scaling {kind:?}; `none` and `linear` are supported"),
            }),
        }
    }

    fn check(&self, rotated: usize, values: usize) -> Result<()> {
        let small = |n: usize, most: usize| (1..=most).contains(&n);
        let sound = small(self.layers, 1 << 12)
            && small(self.context, 1 << 24)
            && small(self.embed.max(self.hidden).max(self.vocab), 1 << 24)
            && small(self.embed.min(self.hidden).min(self.vocab), 1 << 24)
            && small(self.heads, 1 << 12)
            && small(self.kv_heads, 1 << 12)
            && small(self.head_dim, 1 << 12)
            && self.heads.is_multiple_of(self.kv_heads)
            && self.head_dim.is_multiple_of(LANES)
            && [self.embed, self.hidden, self.query_width()].iter().all(|width| width.is_multiple_of(BLOCK))
            && rotated == self.head_dim
            && values == self.head_dim
            && self.sliding.is_none_or(|sliding| sliding.window > 0 && sliding.period > 0)
            && self.rope.base > 0.0;
        if sound {
            return Ok(());
        }
        Err(EngineError::Unsupported {
            what: format!(
                "sizes {self:?} with {rotated} rotary dimensions and values of {values}; widths must be multiples of \
                 {BLOCK}, heads of {LANES}, every head fully rotated and its values as long as its keys"
            ),
        })
    }

    /// Width of the queries of a token.
    pub fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of the keys (and of the values) of a token.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// The sliding window of a layer, if it has one.
    pub fn sliding_at(&self, layer: usize) -> Option<&Sliding> {
        self.sliding.as_ref().filter(|sliding| !(layer + 1).is_multiple_of(sliding.period))
    }
}
