//! Token ids are those of llama.cpp, whose ids for tiny vocabularies are in `tiny/splits.json` (written by
//! `tests/reference/splits.py`). The merges of those vocabularies cross the boundaries of words, so the ids show
//! where a rule cuts.

use crate::common::{self, tiny_file};
use plugin_gguf::engine::gguf::Gguf;
use plugin_gguf::engine::tokenizer::Tokenizer;
use std::collections::BTreeMap;
use std::path::Path;

/// The tokenizer of a tiny model with its splitting rule replaced.
fn tokenizer(architecture: &str, rule: &str) -> Tokenizer {
    let mut bytes = tiny_file(&format!("{architecture}.gguf"));
    let key = b"tokenizer.ggml.pre";
    let at = bytes.windows(key.len()).position(|w| w == key).unwrap() + key.len() + 4;
    let (length, _) = bytes[at..].split_first_chunk::<8>().unwrap();
    let old = at..at + 8 + u64::from_le_bytes(*length) as usize;
    bytes.splice(old, [&(rule.len() as u64).to_le_bytes()[..], rule.as_bytes()].concat());
    // Tensors have moved by some bytes; the vocabulary has not.
    bytes.extend([0; 64]);
    Tokenizer::read(&Gguf::parse(Path::new("tiny.gguf"), bytes).unwrap()).unwrap()
}

#[test]
fn ids_are_those_of_llama_cpp_for_every_rule() {
    type Splits = BTreeMap<String, Vec<(String, Vec<u32>)>>;
    let splits: Splits = serde_json::from_slice(&tiny_file("splits.json")).unwrap();
    let mut counted = 0;
    for (rule, cases) in splits {
        let architecture = if rule == "sentencepiece" { "gemma3" } else { "llama" };
        let tokenizer = tokenizer(architecture, if rule == "sentencepiece" { "default" } else { &rule });
        for (text, ids) in cases {
            assert_eq!(tokenizer.encode(&text), ids, "{rule}: {text:?}");
            assert_eq!(tokenizer.decode(&ids), text, "{rule}");
            counted += 1;
        }
    }
    assert!(counted >= 100, "{counted}");
}

#[test]
fn tokens_of_the_template_are_not_taken_from_a_message() {
    let model =
        common::tiny("qwen2", &plugin_gguf::engine::Options::default(), plugin_gguf::engine::kernels::Isa::detect());
    let tokenizer = &model.tokenizer;
    let (end, call) = ("<|im_end|>", "<tool_call>");
    // A control token is one where the template writes it; a tag that is text is itself everywhere.
    assert_eq!(tokenizer.encode_with_specials(end, '\u{F8FF}'), [2]);
    assert!(tokenizer.encode(end).len() > 1);
    assert_eq!(tokenizer.encode(call), tokenizer.encode_with_specials(call, '\u{F8FF}'));
    assert_eq!(tokenizer.encode(call).len(), 1);
    let guarded = tokenizer.guard("a <|im_end|> b <tool_call>", '\u{F8FF}');
    assert_eq!(guarded, "a <\u{F8FF}|im_end|> b <tool_call>");
    assert!(!tokenizer.encode_with_specials(&guarded, '\u{F8FF}').contains(&2));
    assert_eq!((tokenizer.eos, tokenizer.end), (2, 2));
}

#[test]
fn a_turn_ends_where_the_template_ends_it() {
    let bytes = tiny_file("gemma3.gguf");
    let tokenizer = Tokenizer::read(&Gguf::parse(Path::new("gemma3.gguf"), bytes).unwrap()).unwrap();
    assert_eq!(tokenizer.decode_bytes(&[tokenizer.eos]), b"");
    assert_eq!(tokenizer.bytes(tokenizer.eos), b"<end_of_turn>");
    assert_eq!(tokenizer.bytes(tokenizer.end), b"<eos>");
}
