//! A simulated model for tests: a complete GGUF file with a few layers of random weights and a small vocabulary.
//! It says `harness.simulated = true` of itself; what it generates means nothing.

use plugin_gguf::engine::gguf::Gguf;
use plugin_gguf::engine::kernels::Isa;
use plugin_gguf::engine::{Model, Options};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};

pub const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}\
{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Writer of GGUF files.
#[derive(Default)]
pub struct Writer {
    values: Vec<(String, u32, Vec<u8>)>,
    tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u64).to_le_bytes()[..], s.as_bytes()].concat()
}

impl Writer {
    pub fn uint(&mut self, key: &str, v: u32) {
        self.values.push((key.into(), 4, v.to_le_bytes().into()));
    }

    pub fn float(&mut self, key: &str, v: f32) {
        self.values.push((key.into(), 6, v.to_le_bytes().into()));
    }

    pub fn flag(&mut self, key: &str, v: bool) {
        self.values.push((key.into(), 7, vec![u8::from(v)]));
    }

    pub fn text(&mut self, key: &str, v: &str) {
        self.values.push((key.into(), 8, text(v)));
    }

    pub fn texts(&mut self, key: &str, v: &[String]) {
        let mut bytes = [&8u32.to_le_bytes()[..], &(v.len() as u64).to_le_bytes()].concat();
        v.iter().for_each(|s| bytes.extend(text(s)));
        self.values.push((key.into(), 9, bytes));
    }

    pub fn ints(&mut self, key: &str, v: &[i32]) {
        let mut bytes = [&5u32.to_le_bytes()[..], &(v.len() as u64).to_le_bytes()].concat();
        v.iter().for_each(|i| bytes.extend(i.to_le_bytes()));
        self.values.push((key.into(), 9, bytes));
    }

    /// A tensor of any type.
    pub fn raw(&mut self, name: &str, dims: &[usize], ggml_type: u32, bytes: Vec<u8>) {
        self.tensors.push((name.into(), dims.iter().map(|d| *d as u64).collect(), ggml_type, bytes));
    }

    /// An f32 tensor; dimensions innermost first, as in the file.
    pub fn tensor(&mut self, name: &str, dims: &[usize], values: impl Iterator<Item = f32>) {
        let dims: Vec<u64> = dims.iter().map(|d| *d as u64).collect();
        let n = dims.iter().product::<u64>() as usize;
        let bytes: Vec<u8> = values.take(n).flat_map(f32::to_le_bytes).collect();
        assert_eq!(bytes.len(), n * 4);
        self.tensors.push((name.into(), dims, 0, bytes));
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.values.len() as u64).to_le_bytes());
        for (key, kind, value) in &self.values {
            out.extend(text(key));
            out.extend(kind.to_le_bytes());
            out.extend(value);
        }
        let mut offset = 0u64;
        for (name, dims, ggml_type, bytes) in &self.tensors {
            out.extend(text(name));
            out.extend((dims.len() as u32).to_le_bytes());
            dims.iter().for_each(|d| out.extend(d.to_le_bytes()));
            out.extend(ggml_type.to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += (bytes.len() as u64).next_multiple_of(32);
        }
        for (_, _, _, bytes) in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(bytes);
        }
        out
    }
}

/// The character GPT-2 writes for a byte (printable bytes are themselves).
fn printable(b: u8) -> char {
    let own = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let before = (0..b).filter(|b| !own(*b)).count() as u32;
    if own(b) { b.into() } else { char::from_u32(256 + before).unwrap() }
}

/// A model file with all parts; deterministic.
pub fn writer() -> Writer {
    let (embed, heads, kv_heads, dim, hidden, layers) = (64usize, 4, 2, 16, 96, 3);
    let mut w = Writer::default();
    w.text("general.architecture", "llama");
    w.text("general.name", "simulated");
    w.flag("harness.simulated", true);
    w.uint("llama.block_count", layers);
    w.uint("llama.context_length", 512);
    w.uint("llama.embedding_length", embed as u32);
    w.uint("llama.feed_forward_length", hidden as u32);
    w.uint("llama.attention.head_count", heads);
    w.uint("llama.attention.head_count_kv", kv_heads);
    w.float("llama.attention.layer_norm_rms_epsilon", 1e-5);
    w.float("llama.rope.freq_base", 10_000.0);
    let mut tokens: Vec<String> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(String::from).into();
    let mut kinds = vec![3; 3];
    tokens.extend((0..=255u8).map(|b| printable(b).to_string()));
    let merges = ["t h", "th e", "i n", "Ġ the", "Ġ a", "{ \"", "\" :", "e r", "Ġ in", "a n", "an d", "o n"];
    tokens.extend(merges.iter().map(|m| m.replace(' ', "")));
    kinds.resize(tokens.len(), 1);
    w.text("tokenizer.ggml.model", "gpt2");
    w.text("tokenizer.ggml.pre", "smollm");
    w.texts("tokenizer.ggml.tokens", &tokens);
    w.ints("tokenizer.ggml.token_type", &kinds);
    w.texts("tokenizer.ggml.merges", &merges.map(String::from));
    w.uint("tokenizer.ggml.eos_token_id", 2);
    w.text("tokenizer.chat_template", CHATML);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut tensor = |w: &mut Writer, name: String, dims: &[usize], spread: f32| {
        let values = (0..dims.iter().product()).map(|_| (random.random::<f32>() - 0.5) * spread);
        w.tensor(&name, dims, values.collect::<Vec<_>>().into_iter());
    };
    tensor(&mut w, "token_embd.weight".into(), &[embed, tokens.len()], 1.0);
    for i in 0..layers {
        let name = |part: &str| format!("blk.{i}.{part}.weight");
        let kv = kv_heads as usize * dim;
        tensor(&mut w, name("attn_q"), &[embed, embed], 0.5);
        tensor(&mut w, name("attn_k"), &[embed, kv], 0.5);
        tensor(&mut w, name("attn_v"), &[embed, kv], 0.5);
        tensor(&mut w, name("attn_output"), &[embed, embed], 0.5);
        tensor(&mut w, name("ffn_gate"), &[embed, hidden], 0.5);
        tensor(&mut w, name("ffn_up"), &[embed, hidden], 0.5);
        tensor(&mut w, name("ffn_down"), &[hidden, embed], 0.5);
        w.tensor(&name("attn_norm"), &[embed], (0..embed).map(|i| 0.5 + i as f32 / 64.0));
        w.tensor(&name("ffn_norm"), &[embed], (0..embed).map(|i| 1.5 - i as f32 / 64.0));
    }
    w.tensor("output_norm.weight", &[embed], std::iter::repeat(1.0));
    w
}

/// The simulated model with the given options and instruction set.
pub fn model(options: &Options, isa: Isa) -> Model {
    let file = Gguf::parse(Path::new("simulated.gguf"), writer().bytes()).unwrap();
    Model::from_gguf(&file, options, isa).unwrap()
}

/// The architectures of which there is a tiny model, made by `tests/reference/tiny.py`.
pub const TINY: [&str; 4] = ["llama", "qwen2", "qwen3", "gemma3"];

/// A file of the folder of tiny models.
pub fn tiny_file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tiny").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tiny model of an architecture.
pub fn tiny(architecture: &str, options: &Options, isa: Isa) -> Model {
    let name = format!("{architecture}.gguf");
    let file = Gguf::parse(Path::new(&name), tiny_file(&name)).unwrap();
    Model::from_gguf(&file, options, isa).unwrap()
}

/// The real weights, if this machine has them; otherwise says so.
pub fn real_weights() -> Option<PathBuf> {
    let path = std::env::var_os("HARNESS_SMOLLM2").map_or_else(plugin_gguf::default_path, PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: no weights at {} (set HARNESS_SMOLLM2, or `harness model pull smollm2`)", path.display());
    None
}
