//! Cuts text into the words that byte-pair merges stay within, by the rule the file names. The rules are regular
//! expressions of llama.cpp (`src/llama-vocab.cpp`), written out by hand.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// A splitting rule (`tokenizer.ggml.pre`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
    Gpt2,
    /// Every number character on its own, then GPT-2's rule.
    Smollm,
    /// [`Rule::Qwen2`] with up to three number characters together; a word that is a token is not merged.
    Llama3,
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
    Qwen2,
    /// Runs of punctuation apart, then GPT-2's rule, then numbers apart, three digits together.
    Default,
}

/// Names of rules in files.
const NAMES: [(&str, Rule); 10] = [
    ("default", Rule::Default),
    ("gpt-2", Rule::Gpt2),
    ("smollm", Rule::Smollm),
    ("llama-bpe", Rule::Llama3),
    ("llama3", Rule::Llama3),
    ("llama-v3", Rule::Llama3),
    ("falcon3", Rule::Llama3),
    ("qwen2", Rule::Qwen2),
    ("deepseek-r1-qwen", Rule::Qwen2),
    ("megrez", Rule::Qwen2),
];

impl Rule {
    /// The rule of a name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|known| known.0 == name).map(|known| known.1)
    }

    /// All names, for an error.
    pub fn known() -> String {
        NAMES.map(|known| format!("`{}`", known.0)).join(", ")
    }

    /// Whether a word that is a token as a whole is that token, whatever its merges.
    pub fn whole_words(self) -> bool {
        self == Self::Llama3
    }
}

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Number,
            _ if c.is_whitespace() => Class::Space,
            _ => Class::Other,
        };
    }
    match c.general_category_group() {
        _ if c.is_whitespace() => Class::Space,
        GeneralCategoryGroup::Letter => Class::Letter,
        GeneralCategoryGroup::Number => Class::Number,
        _ => Class::Other,
    }
}

fn is_number(c: char) -> bool {
    class(c) == Class::Number
}

/// `[\p{P}$+<=>^~|]`.
fn is_punctuation(c: char) -> bool {
    matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '~' | '|')
        || c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Calls `word` for every word of `text`, in order; their concatenation is `text`.
pub fn split<'a>(text: &'a str, rule: Rule, word: &mut dyn FnMut(&'a str)) {
    match rule {
        Rule::Gpt2 => words(text, gpt2, word),
        Rule::Smollm => {
            pieces(text, |text| usize::from(text.starts_with(is_number)), &mut |piece| words(piece, gpt2, word))
        }
        Rule::Llama3 => words(text, |text| qwen2(text, 3), word),
        Rule::Qwen2 => words(text, |text| qwen2(text, 1), word),
        Rule::Default => pieces(text, |text| run(text, is_punctuation), &mut |piece| {
            words(piece, gpt2, &mut |piece| {
                pieces(piece, |text| run(text, is_number), &mut |piece| pieces(piece, three_digits, word));
            });
        }),
    }
}

/// Cuts off one word after the other; `len` says how many bytes the first has.
fn words<'a>(mut text: &'a str, len: impl Fn(&str) -> usize, word: &mut dyn FnMut(&'a str)) {
    while !text.is_empty() {
        let (head, rest) = text.split_at(len(text));
        word(head);
        text = rest;
    }
}

/// Cuts at the places where something is found, which is a piece, and so is what lies between; `chars` says how
/// many characters of it stand at the beginning, 0 where there are none.
fn pieces<'a>(mut text: &'a str, chars: impl Fn(&str) -> usize, piece: &mut dyn FnMut(&'a str)) {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let found: usize = text[at..].chars().take(chars(&text[at..])).map(char::len_utf8).sum();
        if found == 0 {
            at += c.len_utf8();
            continue;
        }
        if at > 0 {
            piece(&text[..at]);
        }
        piece(&text[at..at + found]);
        (text, at) = (&text[at + found..], 0);
    }
    if !text.is_empty() {
        piece(text);
    }
}

/// Characters of a kind at the beginning.
fn run(text: &str, kind: impl Fn(char) -> bool) -> usize {
    text.chars().take_while(|c| kind(*c)).count()
}

fn three_digits(text: &str) -> usize {
    if text.len() >= 3 && text.as_bytes()[..3].iter().all(u8::is_ascii_digit) { 3 } else { 0 }
}

const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// Bytes of the first word of a non-empty text.
fn gpt2(text: &str) -> usize {
    if let Some(c) = CONTRACTIONS.iter().find(|c| text.starts_with(**c)) {
        return c.len();
    }
    let body = text.strip_prefix(' ').unwrap_or(text);
    let first = body.chars().next().map_or(Class::Space, class);
    if first != Class::Space {
        let end = body.find(|c| class(c) != first).unwrap_or(body.len());
        return text.len() - body.len() + end;
    }
    spaces(text)
}

/// Bytes of the first word of a non-empty text.
fn qwen2(text: &str, numbers: usize) -> usize {
    let contraction = |c: &&&str| text.get(..c.len()).is_some_and(|head| head.eq_ignore_ascii_case(c));
    if let Some(c) = CONTRACTIONS.iter().find(contraction) {
        return c.len();
    }
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return 0 };
    let (kind, after) = (class(first), chars.as_str());
    // Letters, with whatever one character stands before them that is neither a number nor ends a line.
    let letters = |text: &str| text.find(|c| class(c) != Class::Letter).unwrap_or(text.len());
    let joins = kind != Class::Number && !matches!(first, '\r' | '\n');
    if kind == Class::Letter {
        return letters(text);
    }
    if joins && letters(after) > 0 {
        return first.len_utf8() + letters(after);
    }
    if kind == Class::Number {
        return text.chars().take(numbers).take_while(|c| is_number(*c)).map(char::len_utf8).sum();
    }
    let body = text.strip_prefix(' ').unwrap_or(text);
    let others = body.find(|c| class(c) != Class::Other).unwrap_or(body.len());
    if others > 0 {
        let lines = &body[others..];
        let lines = lines.find(|c| !matches!(c, '\r' | '\n')).unwrap_or(lines.len());
        return text.len() - body.len() + others + lines;
    }
    // Spaces up to the last end of a line among them.
    let run = text.find(|c| class(c) != Class::Space).unwrap_or(text.len());
    match text[..run].rfind(['\r', '\n']) {
        Some(last) => last + 1,
        None => spaces(text),
    }
}

/// Bytes of the spaces at the beginning that are a word: all of them at the end of the text, else all but the
/// last, which goes with what follows.
fn spaces(text: &str) -> usize {
    let Some(end) = text.find(|c| class(c) != Class::Space) else { return text.len() };
    let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
    if end > last { end - last } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_rule() {
        let cases: [(Rule, &str, &[&str]); 18] = [
            (
                Rule::Smollm,
                "I'll go, it's 12:30!",
                &["I", "'ll", " go", ",", " it", "'s", " ", "1", "2", ":", "3", "0", "!"],
            ),
            (Rule::Smollm, "a  b\n\n c", &["a", " ", " b", "\n\n", " c"]),
            (Rule::Smollm, "x \t ", &["x", " \t "]),
            (Rule::Smollm, "a  1", &["a", "  ", "1"]),
            (Rule::Smollm, "don't 'em", &["don", "'t", " '", "em"]),
            (Rule::Smollm, "naïve 日本 ²", &["naïve", " 日本", " ", "²"]),
            (Rule::Gpt2, "in 2024", &["in", " 2024"]),
            (
                Rule::Qwen2,
                "I'LL go, it's 12:30!\n\nx",
                &["I", "'LL", " go", ",", " it", "'s", " ", "1", "2", ":", "3", "0", "!\n\n", "x"],
            ),
            (Rule::Qwen2, "def f(x):\n    return x", &["def", " f", "(x", "):\n", "   ", " return", " x"]),
            (Rule::Qwen2, "a  b \n \n  c", &["a", " ", " b", " \n \n", " ", " c"]),
            (Rule::Qwen2, "\tx\r\n\u{a0}y  ", &["\tx", "\r\n", "\u{a0}y", "  "]),
            (Rule::Qwen2, "x_1 = \"日本\"", &["x", "_", "1", " =", " \"", "日本", "\""]),
            (Rule::Llama3, "in 20245 days", &["in", " ", "202", "45", " days"]),
            (Rule::Default, "a-b: 12345!", &["a", "-", "b", ":", " ", "123", "45", "!"]),
            (Rule::Default, "it's x=1", &["it", "'", "s", " x", "=", "1"]),
            (Rule::Default, "a\nb", &["a", "\n", "b"]),
            (Rule::Default, "", &[]),
            (Rule::Qwen2, "'", &["'"]),
        ];
        for (rule, text, want) in cases {
            let mut got = Vec::new();
            split(text, rule, &mut |w| got.push(w));
            assert_eq!(got, want, "{rule:?}: {text:?}");
        }
    }
}
