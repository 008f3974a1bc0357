//! Byte-level byte-pair encoding from the metadata of a GGUF file.
//!
//! Only `tokenizer.ggml.model = gpt2` with the `smollm` or `gpt-2` splitting rule is accepted: another rule
//! would silently give other ids. Text of special tokens is recognised only where the caller marks it.

use super::error::{EngineError, Result};
use super::gguf::{Gguf, Value};
use super::pretokenise;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// The vocabulary and its merges.
pub struct Tokenizer {
    /// Raw bytes of every token; specials hold their text.
    bytes: Vec<Vec<u8>>,
    /// Control and user-defined tokens, longest text first.
    specials: Vec<(String, u32)>,
    control: Vec<bool>,
    /// Tokens of text, sorted by their bytes.
    in_byte_order: Vec<u32>,
    by_byte: [u32; 256],
    merges: HashMap<(u32, u32), (u32, u32)>,
    isolate_digits: bool,
    /// Token that ends a turn.
    pub eos: u32,
    /// Text of the begin-of-sequence token, for templates.
    pub bos: Option<u32>,
    /// Whether a sequence begins with `bos` outside templates.
    pub add_bos: bool,
}

/// The printable character GPT-2 writes for a byte.
fn printable(byte: u8) -> char {
    let own = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if own(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|b| !own(*b)).count() as u32;
    char::from_u32(256 + before).unwrap_or('\u{FFFD}')
}

fn unsupported(what: String) -> EngineError {
    EngineError::Unsupported { what }
}

impl Tokenizer {
    /// Builds the tokenizer.
    ///
    /// # Errors
    ///
    /// The file has none, or one of a kind that is not known.
    pub fn read(file: &Gguf) -> Result<Self> {
        let model = file.text("tokenizer.ggml.model")?;
        if model != "gpt2" {
            return Err(unsupported(format!("tokenizer `{model}`; byte-level BPE (`gpt2`) is supported")));
        }
        let isolate_digits = match file.text("tokenizer.ggml.pre").unwrap_or("gpt-2") {
            "smollm" => true,
            "gpt-2" => false,
            other => {
                return Err(unsupported(format!("splitting rule `{other}`; `smollm` and `gpt-2` are supported")));
            }
        };
        let texts = file.texts("tokenizer.ggml.tokens")?;
        let kinds: Vec<u64> = match file.get("tokenizer.ggml.token_type") {
            Some(Value::Array(kinds)) if kinds.len() == texts.len() => {
                kinds.iter().map(|k| if let Value::Uint(k) = k { *k } else { 1 }).collect()
            }
            _ => return Err(unsupported("`tokenizer.ggml.token_type` does not match the tokens".into())),
        };
        let byte_of: HashMap<char, u8> = (0..=255).map(|b| (printable(b), b)).collect();
        let ids: HashMap<&str, u32> = texts.iter().enumerate().map(|(i, t)| (*t, i as u32)).collect();
        let mut bytes = Vec::with_capacity(texts.len());
        let (mut specials, mut control) = (Vec::new(), Vec::new());
        for (i, (text, kind)) in texts.iter().zip(&kinds).enumerate() {
            // ggml token types: 3 control, 4 user defined.
            control.push(*kind == 3);
            if matches!(kind, 3 | 4) && !text.is_empty() {
                specials.push(((*text).to_owned(), i as u32));
                bytes.push(text.as_bytes().to_vec());
                continue;
            }
            let raw: Option<Vec<u8>> = text.chars().map(|c| byte_of.get(&c).copied()).collect();
            bytes.push(raw.ok_or_else(|| unsupported(format!("token {i} `{text}` is not byte-level")))?);
        }
        specials.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then(a.1.cmp(&b.1)));
        let mut by_byte = [u32::MAX; 256];
        for (b, id) in by_byte.iter_mut().enumerate() {
            let text = printable(b as u8).to_string();
            // A byte without a token of its own becomes the unknown token (0 where none is named).
            let unknown = file.uint("tokenizer.ggml.unknown_token_id").unwrap_or(0) as u32;
            *id = ids.get(text.as_str()).copied().unwrap_or(unknown);
        }
        let mut merges = HashMap::new();
        for (rank, merge) in file.texts("tokenizer.ggml.merges")?.iter().enumerate() {
            let parts = merge.split_once(' ').and_then(|(a, b)| {
                let whole = ids.get(format!("{a}{b}").as_str())?;
                Some(((*ids.get(a)?, *ids.get(b)?), *whole))
            });
            let Some((pair, whole)) = parts else {
                return Err(unsupported(format!("merge {rank} `{merge}` names tokens that do not exist")));
            };
            merges.entry(pair).or_insert((rank as u32, whole));
        }
        let id = |key: &str| file.uint(key).ok().filter(|i| *i < texts.len()).map(|i| i as u32);
        let eos = id("tokenizer.ggml.eos_token_id")
            .ok_or_else(|| unsupported("no valid `tokenizer.ggml.eos_token_id`".into()))?;
        let bos = id("tokenizer.ggml.bos_token_id");
        if by_byte.iter().any(|b| *b as usize >= texts.len()) {
            return Err(unsupported("the unknown token id is outside the vocabulary".into()));
        }
        let add_bos = file.get("tokenizer.ggml.add_bos_token") == Some(&Value::Bool(true));
        let mut in_byte_order: Vec<u32> = (0..bytes.len() as u32).filter(|i| !control[*i as usize]).collect();
        in_byte_order.sort_by(|a, b| bytes[*a as usize].cmp(&bytes[*b as usize]));
        Ok(Self { bytes, specials, control, in_byte_order, by_byte, merges, isolate_digits, eos, bos, add_bos })
    }

    /// Tokens in the vocabulary.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Raw bytes of a token; those of specials are their text.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// All tokens that stand for text, sorted by their bytes.
    pub fn in_byte_order(&self) -> &[u32] {
        &self.in_byte_order
    }

    /// Whether the token is a control token, which stands for no text.
    pub fn is_control(&self, token: u32) -> bool {
        self.control.get(token as usize).copied().unwrap_or(false)
    }

    /// Texts of all special tokens.
    pub fn special_texts(&self) -> impl Iterator<Item = &str> {
        self.specials.iter().map(|s| s.0.as_str())
    }

    /// Ids of plain text; special tokens written in it are ordinary text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        pretokenise::split(text, self.isolate_digits, &mut |word| self.merge(word, &mut out));
        out
    }

    /// Ids of template output: texts of special tokens become those tokens, and each occurrence of
    /// `guard` is removed from the text between them (see `template`).
    pub fn encode_with_specials(&self, mut text: &str, guard: char) -> Vec<u32> {
        let mut out = Vec::new();
        while !text.is_empty() {
            let found = self
                .specials
                .iter()
                .filter_map(|(s, id)| text.find(s.as_str()).map(|at| (at, Reverse(s.len()), *id)))
                .min();
            let (plain, rest) = match found {
                Some((at, Reverse(len), _)) => (&text[..at], &text[at + len..]),
                None => (text, ""),
            };
            out.extend(self.encode(&plain.replace(guard, "")));
            out.extend(found.map(|f| f.2));
            text = rest;
        }
        out
    }

    /// Raw bytes of a sequence, control tokens left out.
    pub fn decode_bytes(&self, tokens: &[u32]) -> Vec<u8> {
        let text = tokens.iter().filter(|t| !self.is_control(**t));
        text.flat_map(|t| self.bytes(*t)).copied().collect()
    }

    /// Text of a sequence, control tokens left out; broken UTF-8 becomes U+FFFD.
    pub fn decode(&self, tokens: &[u32]) -> String {
        String::from_utf8_lossy(&self.decode_bytes(tokens)).into_owned()
    }

    /// Byte-pair merging of one word: lowest rank first, leftmost among equals.
    fn merge(&self, word: &str, out: &mut Vec<u32>) {
        let mut ids: Vec<u32> = word.bytes().map(|b| self.by_byte[usize::from(b)]).collect();
        let n = ids.len();
        let mut next: Vec<usize> = (1..=n).collect();
        let mut prev: Vec<usize> = (0..n).map(|i| i.wrapping_sub(1)).collect();
        let mut heap = BinaryHeap::new();
        let offer = |heap: &mut BinaryHeap<_>, ids: &[u32], left: usize, right: usize| {
            if let Some((rank, whole)) = self.merges.get(&(ids[left], ids[right])) {
                heap.push(Reverse((*rank, left, right, ids[left], ids[right], *whole)));
            }
        };
        for i in 1..n {
            offer(&mut heap, &ids, i - 1, i);
        }
        const GONE: u32 = u32::MAX;
        while let Some(Reverse((_, left, right, a, b, whole))) = heap.pop() {
            if ids[left] != a || ids[right] != b || next[left] != right {
                continue;
            }
            (ids[left], ids[right]) = (whole, GONE);
            next[left] = next[right];
            if next[left] < n {
                prev[next[left]] = left;
                offer(&mut heap, &ids, left, next[left]);
            }
            if prev[left] < n {
                offer(&mut heap, &ids, prev[left], left);
            }
        }
        out.extend(ids.into_iter().filter(|id| *id != GONE));
    }
}
