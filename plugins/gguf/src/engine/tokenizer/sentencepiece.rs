//! SentencePiece's byte-pair encoding (Kudo & Richardson 2018), as Llama 2 and Gemma use it: a space is written
//! `▁`, neighbours merge into the piece with the highest score, and what is no piece becomes bytes.
//! Source of the order of merges: llama.cpp `src/llama-vocab.cpp` (`llm_tokenizer_spm_session`).

use super::{Kind, unsupported};
use crate::engine::error::Result;
use crate::engine::gguf::{Gguf, Value};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// What SentencePiece writes for a space.
const SPACE: &str = "▁";

pub struct SentencePiece {
    /// Token and score of every piece.
    pieces: HashMap<String, (u32, f32)>,
    by_byte: [u32; 256],
    /// Whether a space is put before text.
    space_first: bool,
}

/// Two neighbours that may merge.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of both, by which one that is out of date is told.
    len: usize,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}

impl SentencePiece {
    /// The scheme, and the bytes of every token.
    pub fn read(file: &Gguf, texts: &[&str], kinds: &[Kind]) -> Result<(Self, Vec<Vec<u8>>)> {
        let scores = match file.get("tokenizer.ggml.scores") {
            Some(Value::Array(scores)) if scores.len() == texts.len() => scores,
            _ => return Err(unsupported("`tokenizer.ggml.scores` does not match the tokens".into())),
        };
        let unknown = file.uint("tokenizer.ggml.unknown_token_id").unwrap_or(0);
        if unknown >= texts.len() {
            return Err(unsupported("the unknown token id is outside the vocabulary".into()));
        }
        let mut by_byte = [unknown as u32; 256];
        let (mut pieces, mut bytes) = (HashMap::new(), Vec::with_capacity(texts.len()));
        for (id, ((text, kind), score)) in texts.iter().zip(kinds).zip(scores).enumerate() {
            let score = match score {
                Value::Float(score) => *score as f32,
                _ => 0.0,
            };
            match kind {
                Kind::Byte => {
                    let byte = text.strip_prefix("<0x").and_then(|hex| hex.strip_suffix('>'));
                    let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                    let byte = byte.ok_or_else(|| unsupported(format!("token {id} `{text}` is no byte")))?;
                    by_byte[usize::from(byte)] = id as u32;
                    bytes.push(vec![byte]);
                }
                Kind::Control => bytes.push(text.as_bytes().to_vec()),
                Kind::Text | Kind::UserDefined => {
                    pieces.entry((*text).to_owned()).or_insert((id as u32, score));
                    bytes.push(text.replace(SPACE, " ").into_bytes());
                }
            }
        }
        let space_first = file.get("tokenizer.ggml.add_space_prefix") != Some(&Value::Bool(false));
        Ok((Self { pieces, by_byte, space_first }, bytes))
    }

    /// Appends the ids of text without special tokens; `begins` where nothing or a special token stands before it.
    pub fn encode(&self, text: &str, begins: bool, out: &mut Vec<u32>) {
        let space = if begins && self.space_first { SPACE } else { "" };
        let text = format!("{space}{}", text.replace(' ', SPACE));
        // Symbols are stretches of the text; one that merged into its left neighbour is empty.
        let mut ends: Vec<(usize, usize)> = text.char_indices().map(|(at, c)| (at, at + c.len_utf8())).collect();
        let n = ends.len();
        let mut next: Vec<usize> = (1..=n).collect();
        let mut prev: Vec<usize> = (0..n).map(|i| i.wrapping_sub(1)).collect();
        let mut heap = BinaryHeap::new();
        let offer = |heap: &mut BinaryHeap<Pair>, ends: &[(usize, usize)], left: usize, right: usize| {
            let (from, to) = (ends[left].0, ends[right].1);
            if let Some((_, score)) = self.pieces.get(&text[from..to]) {
                heap.push(Pair { score: *score, left, right, len: to - from });
            }
        };
        for i in 1..n {
            offer(&mut heap, &ends, i - 1, i);
        }
        while let Some(Pair { left, right, len, .. }) = heap.pop() {
            let gone = |i: usize| ends[i].0 == ends[i].1;
            if gone(left) || gone(right) || ends[right].1 - ends[left].0 != len || next[left] != right {
                continue;
            }
            ends[left].1 = ends[right].1;
            ends[right].0 = ends[right].1;
            next[left] = next[right];
            if next[left] < n {
                prev[next[left]] = left;
                offer(&mut heap, &ends, left, next[left]);
            }
            if prev[left] < n {
                offer(&mut heap, &ends, prev[left], left);
            }
        }
        for (from, to) in ends.into_iter().filter(|(from, to)| from < to) {
            let symbol = &text[from..to];
            match self.pieces.get(symbol) {
                Some((id, _)) => out.push(*id),
                None => out.extend(symbol.bytes().map(|b| self.by_byte[usize::from(b)])),
            }
        }
    }
}
