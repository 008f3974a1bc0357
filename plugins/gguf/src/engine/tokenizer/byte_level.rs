//! Byte-level byte-pair encoding, as GPT-2 has it: text is cut into words by a rule, words are bytes, and pairs
//! of neighbours merge in the order in which the file lists them.

use super::pretokenise::{self, Rule};
use super::{Kind, unsupported};
use crate::engine::error::Result;
use crate::engine::gguf::Gguf;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

pub struct ByteLevel {
    rule: Rule,
    by_byte: [u32; 256],
    /// Rank and result of a merge.
    merges: HashMap<(u32, u32), (u32, u32)>,
    /// Words that are a token as a whole, where the rule does not merge those.
    words: HashMap<Vec<u8>, u32>,
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

impl ByteLevel {
    /// The scheme, and the bytes of every token.
    pub fn read(file: &Gguf, texts: &[&str], kinds: &[Kind]) -> Result<(Self, Vec<Vec<u8>>)> {
        let name = file.text("tokenizer.ggml.pre").unwrap_or("default");
        let rule = Rule::named(name)
            .ok_or_else(|| unsupported(format!("splitting rule `{name}`; {} are supported", Rule::known())))?;
        let byte_of: HashMap<char, u8> = (0..=255).map(|b| (printable(b), b)).collect();
        let ids: HashMap<&str, u32> = texts.iter().enumerate().map(|(i, t)| (*t, i as u32)).collect();
        let bytes = texts.iter().zip(kinds).enumerate().map(|(i, (text, kind))| {
            if matches!(kind, Kind::Control | Kind::UserDefined) {
                return Ok(text.as_bytes().to_vec());
            }
            let raw: Option<Vec<u8>> = text.chars().map(|c| byte_of.get(&c).copied()).collect();
            raw.ok_or_else(|| unsupported(format!("token {i} `{text}` is not byte-level")))
        });
        let bytes: Vec<Vec<u8>> = bytes.collect::<Result<_>>()?;
        // A byte without a token of its own becomes the unknown token (0 where none is named).
        let unknown = file.uint("tokenizer.ggml.unknown_token_id").unwrap_or(0);
        if unknown >= texts.len() {
            return Err(unsupported("the unknown token id is outside the vocabulary".into()));
        }
        let mut by_byte = [unknown as u32; 256];
        for (b, id) in by_byte.iter_mut().enumerate() {
            *id = ids.get(printable(b as u8).to_string().as_str()).copied().unwrap_or(*id);
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
        let whole =
            bytes.iter().zip(kinds).enumerate().filter(|(_, (_, kind))| rule.whole_words() && **kind == Kind::Text);
        let words = whole.map(|(id, (bytes, _))| (bytes.clone(), id as u32)).collect();
        Ok((Self { rule, by_byte, merges, words }, bytes))
    }

    /// Appends the ids of text without special tokens.
    pub fn encode(&self, text: &str, out: &mut Vec<u32>) {
        pretokenise::split(text, self.rule, &mut |word| match self.words.get(word.as_bytes()) {
            Some(id) => out.push(*id),
            None => self.merge(word, out),
        });
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
