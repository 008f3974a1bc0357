//! Cuts text into the words that byte-pair merges stay within: GPT-2's rule, optionally after isolating
//! every digit (SmolLM). Written out by hand: the rule is
//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

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

/// Calls `word` for every word of `text`, in order; their concatenation is `text`.
pub fn split<'a>(text: &'a str, isolate_digits: bool, word: &mut impl FnMut(&'a str)) {
    if !isolate_digits {
        return gpt2(text, word);
    }
    let mut start = 0;
    for (i, c) in text.char_indices() {
        if class(c) == Class::Number {
            gpt2(&text[start..i], word);
            start = i + c.len_utf8();
            word(&text[i..start]);
        }
    }
    gpt2(&text[start..], word);
}

fn gpt2<'a>(mut text: &'a str, word: &mut impl FnMut(&'a str)) {
    while !text.is_empty() {
        let (head, rest) = text.split_at(word_len(text));
        word(head);
        text = rest;
    }
}

/// Bytes of the first word of a non-empty text.
fn word_len(text: &str) -> usize {
    const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    if let Some(c) = CONTRACTIONS.iter().find(|c| text.starts_with(**c)) {
        return c.len();
    }
    let body = text.strip_prefix(' ').unwrap_or(text);
    let first = body.chars().next().map_or(Class::Space, class);
    if first != Class::Space {
        let end = body.find(|c| class(c) != first).unwrap_or(body.len());
        return text.len() - body.len() + end;
    }
    // Spaces: all of them at the end of the text, else all but the last, which goes with what follows.
    let Some(end) = text.find(|c| class(c) != Class::Space) else { return text.len() };
    let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
    if end > last { end - last } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_rule() {
        let cases: [(&str, &[&str]); 6] = [
            ("I'll go, it's 12:30!", &["I", "'ll", " go", ",", " it", "'s", " ", "1", "2", ":", "3", "0", "!"]),
            ("a  b\n\n c", &["a", " ", " b", "\n\n", " c"]),
            ("x \t ", &["x", " \t "]),
            ("a  1", &["a", "  ", "1"]),
            ("don't 'em", &["don", "'t", " '", "em"]),
            ("naïve 日本 ²", &["naïve", " 日本", " ", "²"]),
        ];
        for (text, want) in cases {
            let mut got = Vec::new();
            split(text, true, &mut |w| got.push(w));
            assert_eq!(got, want, "{text:?}");
        }
        let mut got = Vec::new();
        split("in 2024", false, &mut |w| got.push(w));
        assert_eq!(got, ["in", " 2024"]);
    }
}
