//! JSON as servers write it. JavaScript and Python write two things that JSON has and a strict reader refuses, or that JSON lacks: half of
//! a surrogate pair (text that was cut in the middle of a character), and `NaN` and `Infinity`. Half a pair at the end of an event is put
//! together with the other half at the beginning of the next one; where there is no other half it becomes U+FFFD.

use serde_json::Value;

/// A text of JSON in which half a pair stands.
#[derive(Debug)]
struct Half {
    /// Where its escape begins.
    at: usize,
    /// Whether it is the first half, which stands at the end of a string, or the second, at the beginning of one; else neither.
    edge: Option<Edge>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// A first half that ends a string.
    End,
    /// A second half that begins one.
    Beginning,
}

/// Bytes of `\uXXXX`.
const ESCAPE: usize = 6;

/// An event's text that may want the beginning of the next one.
#[derive(Debug)]
pub struct Cut {
    text: String,
    at: usize,
}

/// What an event's text came to.
#[derive(Debug)]
pub enum Parsed {
    /// It is JSON.
    Whole(Value),
    /// It is, but ends with half of a character.
    Cut(Cut),
    /// It is none.
    Garbage,
}

impl Cut {
    /// Joins the two halves of a character that parted between this text and `next`; gives what this one says, and the rest of `next`.
    pub fn join(self, next: &str) -> (Option<Value>, String) {
        let Self { mut text, at } = self;
        let other = halves(next).into_iter().find(|half| half.edge == Some(Edge::Beginning));
        let Some(other) = other else { return (Self { text, at }.alone(), next.to_owned()) };
        let (before, rest) = (&next[..other.at], &next[other.at..]);
        text.insert_str(at + ESCAPE, &rest[..ESCAPE]);
        (strict(&text), format!("{before}{}", &rest[ESCAPE..]))
    }

    /// What it says where nothing follows.
    pub fn alone(mut self) -> Option<Value> {
        self.text.replace_range(self.at..self.at + ESCAPE, "\\ufffd");
        strict(&self.text)
    }
}

/// Reads a text that stands for itself.
pub fn whole(text: &str) -> Option<Value> {
    match event(text) {
        Parsed::Whole(value) => Some(value),
        Parsed::Cut(cut) => cut.alone(),
        Parsed::Garbage => None,
    }
}

/// Reads an event, after which another may come.
pub fn event(text: &str) -> Parsed {
    if let Some(value) = strict(text) {
        return Parsed::Whole(value);
    }
    let mut mended = without_infinities(text);
    let halves = halves(&mended);
    let cut = halves.iter().rposition(|half| half.edge == Some(Edge::End));
    for (place, half) in halves.iter().enumerate() {
        if cut != Some(place) {
            mended.replace_range(half.at..half.at + ESCAPE, "\\ufffd");
        }
    }
    match cut.and_then(|place| halves.get(place)) {
        // Only what is JSON otherwise waits for its other half.
        Some(half) if (Cut { text: mended.clone(), at: half.at }).alone().is_some() => {
            Parsed::Cut(Cut { text: mended, at: half.at })
        }
        Some(_) => Parsed::Garbage,
        None => strict(&mended).map_or(Parsed::Garbage, Parsed::Whole),
    }
}

fn strict(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// Every half of a pair whose other half is not beside it, in order.
fn halves(text: &str) -> Vec<Half> {
    let bytes = text.as_bytes();
    let unit = |at: usize| -> Option<u16> {
        let digits = text.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let (mut found, mut at, mut opened) = (Vec::new(), 0, None);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => opened = if opened.is_none() { Some(at) } else { None },
            b'\\' if opened.is_some() => match unit(at) {
                Some(0xD800..=0xDBFF) if matches!(unit(at + ESCAPE), Some(0xDC00..=0xDFFF)) => at += 2 * ESCAPE - 1,
                Some(0xD800..=0xDBFF) => {
                    let edge = (bytes.get(at + ESCAPE) == Some(&b'"')).then_some(Edge::End);
                    found.push(Half { at, edge });
                    at += ESCAPE - 1;
                }
                Some(0xDC00..=0xDFFF) => {
                    let edge = (opened == at.checked_sub(1)).then_some(Edge::Beginning);
                    found.push(Half { at, edge });
                    at += ESCAPE - 1;
                }
                _ => at += 1,
            },
            _ => {}
        }
        at += 1;
    }
    found
}

/// `NaN`, `Infinity` and `-Infinity` outside strings, which no JSON has, as null.
fn without_infinities(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let (mut within, mut escaped, mut rest) = (false, false, text);
    while let Some(next) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !within && rest.starts_with(word));
        if let Some(word) = word {
            mended.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        within ^= next == '"' && !escaped;
        escaped = within && next == '\\' && !escaped;
        mended.push(next);
        rest = &rest[next.len_utf8()..];
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn halves_of_characters_find_each_other() {
        let Parsed::Cut(cut) = event(r#"{"a": "x\ud83d"}"#) else { panic!("it is cut") };
        let (first, rest) = cut.join(r#"{"a": "\ude00y"}"#);
        assert_eq!((first, whole(&rest)), (Some(json!({"a": "x😀"})), Some(json!({"a": "y"}))));
        let Parsed::Cut(cut) = event(r#"{"a": "\ud83d", "b": "\\\ud83d\ude00"}"#) else { panic!("it is cut") };
        let (first, rest) = cut.join(r#"{"a": "y"}"#);
        assert_eq!(first, Some(json!({"a": "\u{fffd}", "b": "\\😀"})));
        assert_eq!(rest, r#"{"a": "y"}"#);
        for (text, value) in [
            (r#"["a\ud83db", "\ude00", "\\ud83d"]"#, json!(["a\u{fffd}b", "\u{fffd}", "\\ud83d"])),
            (r#"["\ud83d"]"#, json!(["\u{fffd}"])),
            (
                r#"[NaN, -Infinity, "NaN \" Infinity", {"a": Infinity}]"#,
                json!([null, null, "NaN \" Infinity", {"a": null}]),
            ),
        ] {
            assert_eq!(whole(text), Some(value), "{text}");
        }
        for text in [r#"["\ud83d""#, r#"{"a": "\ud8"#, "", "NaNa", "\"\\ud83d"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
