//! Text to token ids and back, by the vocabulary and the rules in the metadata of a GGUF file.
//!
//! A tokenizer or splitting rule that is not known is refused: another one would silently give other ids.
//! Control tokens are recognised only where the caller marks text as the template's; tokens that the file calls
//! user-defined (a call's tag, a run of newlines) are text like any other and always are themselves.

mod byte_level;
mod pretokenise;
mod sentencepiece;
mod special;

use super::error::{EngineError, Result};
use super::gguf::{Gguf, Value};
use super::template;
use byte_level::ByteLevel;
use sentencepiece::SentencePiece;
use special::Specials;

/// Texts that end a turn where a chat template writes them, whatever the file calls its end of sequence.
const ENDS_OF_TURN: [&str; 4] = ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>"];

/// What a token is (`enum llama_token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A piece of text.
    Text,
    /// One byte, where nothing else fits.
    Byte,
    /// Stands for no text: control tokens, and those that are not used.
    Control,
    /// Text that is this token wherever it stands.
    UserDefined,
}

/// How text between special tokens is cut.
enum Scheme {
    ByteLevel(ByteLevel),
    SentencePiece(SentencePiece),
}

/// The vocabulary and its rules.
pub struct Tokenizer {
    /// Raw bytes of every token; specials hold their text.
    bytes: Vec<Vec<u8>>,
    control: Vec<bool>,
    specials: Specials,
    /// Tokens of text, sorted by their bytes.
    in_byte_order: Vec<u32>,
    scheme: Scheme,
    /// Token that ends a turn.
    pub eos: u32,
    /// What the file calls the end of a sequence, for templates.
    pub end: u32,
    /// Text of the begin-of-sequence token, for templates.
    pub bos: Option<u32>,
    /// Whether every sequence begins with `bos`.
    pub add_bos: bool,
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
        let texts = file.texts("tokenizer.ggml.tokens")?;
        let kinds = kinds(file, texts.len())?;
        let (scheme, bytes) = match file.text("tokenizer.ggml.model")? {
            "gpt2" => {
                let (scheme, bytes) = ByteLevel::read(file, &texts, &kinds)?;
                (Scheme::ByteLevel(scheme), bytes)
            }
            "llama" => {
                let (scheme, bytes) = SentencePiece::read(file, &texts, &kinds)?;
                (Scheme::SentencePiece(scheme), bytes)
            }
            other => {
                return Err(unsupported(format!(
                    "tokenizer `{other}`; byte-level BPE (`gpt2`) and SentencePiece (`llama`) are supported"
                )));
            }
        };
        let id = |key: &str| file.uint(key).ok().filter(|i| *i < texts.len()).map(|i| i as u32);
        let end = id("tokenizer.ggml.eos_token_id")
            .ok_or_else(|| unsupported("no valid `tokenizer.ggml.eos_token_id`".into()))?;
        let specials = Specials::new(&bytes, &kinds);
        let template = template::source(file);
        let mut written = ENDS_OF_TURN.iter().filter(|text| template.contains(**text));
        let eos = id("tokenizer.ggml.eot_token_id").or_else(|| written.find_map(|t| specials.control(t)));
        let control: Vec<bool> = kinds.iter().map(|kind| *kind == Kind::Control).collect();
        let mut in_byte_order: Vec<u32> = (0..bytes.len() as u32).filter(|i| !control[*i as usize]).collect();
        in_byte_order.sort_by(|a, b| bytes[*a as usize].cmp(&bytes[*b as usize]));
        Ok(Self {
            bytes,
            control,
            specials,
            in_byte_order,
            scheme,
            eos: eos.unwrap_or(end),
            end,
            bos: id("tokenizer.ggml.bos_token_id"),
            add_bos: file.get("tokenizer.ggml.add_bos_token") == Some(&Value::Bool(true)),
        })
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

    /// The text with `guard` in every text of a control token, and nowhere else: what a message says is never
    /// taken for a token of the template.
    pub fn guard(&self, text: &str, guard: char) -> String {
        let text = text.replace(guard, "");
        let mut out = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            out.push(c);
            if self.specials.control_at(&text, at) {
                out.push(guard);
            }
        }
        out
    }

    /// Ids of plain text; control tokens written in it are ordinary text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        self.cut(text, false, true, |fragment| fragment.into(), &mut out);
        out
    }

    /// Ids of plain text that goes on where other text ended: no space is put before it, as some vocabularies do
    /// before the first word.
    pub fn encode_further(&self, text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        self.cut(text, false, false, |fragment| fragment.into(), &mut out);
        out
    }

    /// Ids of template output: texts of control tokens become those tokens, and each occurrence of
    /// `guard` is removed from the text between them (see `template`).
    pub fn encode_with_specials(&self, text: &str, guard: char) -> Vec<u32> {
        let mut out = Vec::new();
        self.cut(text, true, true, |fragment| fragment.replace(guard, "").into(), &mut out);
        out
    }

    /// Cuts text at its special tokens, and what lies between them by the scheme.
    fn cut<'a>(
        &self,
        mut text: &'a str,
        control: bool,
        mut begins: bool,
        clean: impl Fn(&'a str) -> std::borrow::Cow<'a, str>,
        out: &mut Vec<u32>,
    ) {
        while !text.is_empty() {
            let found = self.specials.first(text, control);
            let (plain, rest) = match found {
                Some((at, len, _)) => (&text[..at], &text[at + len..]),
                None => (text, ""),
            };
            if !plain.is_empty() {
                match &self.scheme {
                    Scheme::ByteLevel(scheme) => scheme.encode(&clean(plain), out),
                    Scheme::SentencePiece(scheme) => scheme.encode(&clean(plain), begins, out),
                }
            }
            out.extend(found.map(|f| f.2));
            text = rest;
            begins = true;
        }
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
}

fn kinds(file: &Gguf, tokens: usize) -> Result<Vec<Kind>> {
    let kind = |kind: &Value| match kind {
        Value::Uint(2 | 3 | 5) => Kind::Control,
        Value::Uint(4) => Kind::UserDefined,
        Value::Uint(6) => Kind::Byte,
        _ => Kind::Text,
    };
    match file.get("tokenizer.ggml.token_type") {
        Some(Value::Array(kinds)) if kinds.len() == tokens => Ok(kinds.iter().map(kind).collect()),
        _ => Err(unsupported("`tokenizer.ggml.token_type` does not match the tokens".into())),
    }
}
