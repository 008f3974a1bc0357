//! Bad files are errors with a place and a reason, never a panic.

use crate::common;
use plugin_gguf::engine::gguf::Gguf;
use plugin_gguf::engine::kernels::Isa;
use plugin_gguf::engine::{EngineError, Model, Options};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

fn load(bytes: Vec<u8>) -> Result<Model, EngineError> {
    let file = Gguf::parse(Path::new("bad.gguf"), bytes)?;
    Model::from_gguf(&file, &Options { threads: 1, cache_mb: 1, ..Options::default() }, Isa::detect())
}

#[test]
fn a_file_truncated_at_any_length_is_malformed() {
    let bytes = common::writer().bytes();
    // Every length within the header, then every hundredth.
    let header = bytes.len() - 4 * 64 * 1024;
    let lengths = (0..bytes.len()).filter(|n| *n < header.min(9000) || n % 997 == 0);
    for n in lengths {
        match load(bytes[..n].to_vec()) {
            Err(EngineError::Malformed { path, .. }) => assert_eq!(path, Path::new("bad.gguf")),
            Err(other) => panic!("{n} bytes: {other}"),
            Ok(_) => panic!("{n} of {} bytes were accepted", bytes.len()),
        }
    }
    assert!(load(bytes).is_ok());
}

#[test]
fn other_files_and_damaged_ones_do_not_panic() {
    for text in ["", "GGU", "not a model", "GGUF\u{3}\0\0\0\u{ff}"] {
        assert!(matches!(load(text.into()), Err(EngineError::Malformed { .. })), "{text:?}");
    }
    let bytes = common::writer().bytes();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..9000);
            damaged[at] = random.random();
        }
        // Damage inside a text may go unseen; what is refused is refused with an error.
        let _ = load(damaged);
    }
}

#[test]
fn models_of_another_kind_are_refused_by_name() {
    type Change = fn(&mut common::Writer);
    let cases: [(Change, &str); 12] = [
        (|w| w.text("general.architecture", "mamba"), "`mamba`; this engine runs `llama`, `qwen2`, `qwen3`, `gemma3`"),
        (|w| w.text("tokenizer.ggml.model", "t5"), "tokenizer `t5`; byte-level BPE (`gpt2`) and"),
        (|w| w.text("tokenizer.ggml.model", "llama"), "`tokenizer.ggml.scores` does not match"),
        (|w| w.text("tokenizer.ggml.pre", "tekken"), "splitting rule `tekken`; `default`, `gpt-2`, `smollm`"),
        (|w| w.uint("split.count", 3), "one of 3 files that make up a model"),
        (
            |w| w.raw("blk.0.ffn_exps.weight", &[32], 39, vec![0; 17]),
            "stored as MXFP4 (ggml type 39); this engine reads F32",
        ),
        (|w| w.raw("blk.0.x.weight", &[32], 77, vec![0; 64]), "stored as ggml type 77"),
        (
            |w| w.tensor("blk.1.attn_output.bias", &[64], std::iter::repeat(0.0)),
            "with a tensor `blk.1.attn_output.bias`",
        ),
        (|w| w.uint("llama.attention.key_length", 24), "sizes"),
        (|w| w.text("llama.rope.scaling.type", "yarn"), "`none` and `linear` are supported"),
        (|w| w.uint("llama.attention.head_count", 3), "sizes"),
        (|w| w.uint("llama.block_count", 4), "blk.3.attn_norm.weight"),
    ];
    for (change, want) in cases {
        let mut w = common::writer();
        change(&mut w);
        let error = load(w.bytes()).err().unwrap().to_string();
        assert!(error.contains(want), "{error}");
    }
    let missing = Gguf::open(Path::new("no/such/file.gguf")).err().unwrap();
    assert!(matches!(missing, EngineError::Io { .. }), "{missing}");
}
