//! Reads JSON the way models write it: single quotes, trailing commas, Python's `True` and `None`, bare keys, missing closers at the
//! end. Refuses what has no such reading, and anything nested deeper than 64.

use serde_json::{Map, Number, Value};

const DEPTH: usize = 64;
/// Places in a text at which a value is looked for.
const PLACES: usize = 64;

/// Objects and arrays in `text`, outermost, in order.
pub fn values(text: &str) -> Vec<Value> {
    let (mut found, mut at) = (Vec::new(), 0);
    for _ in 0..PLACES {
        let Some(offset) = text.get(at..).and_then(|rest| rest.find(['{', '['])) else { break };
        at += offset;
        let mut reader = Reader { text, at };
        match reader.value(0) {
            Some(value) => {
                found.push(value);
                at = reader.at;
            }
            None => at += 1,
        }
    }
    found
}

/// `name=value, …` as in a call of Python's, from the start of `text` up to its closing parenthesis.
pub fn keywords(text: &str) -> Option<Map<String, Value>> {
    let mut reader = Reader { text, at: 0 };
    let mut fields = Map::new();
    loop {
        reader.space();
        match reader.peek() {
            None | Some(b')') => return Some(fields),
            Some(b',') => reader.at += 1,
            Some(_) => {
                let key = reader.word(|byte| byte.is_ascii_alphanumeric() || byte == b'_')?;
                reader.expect(b'=')?;
                fields.insert(key, reader.value(1)?);
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    /// The longest run of bytes that are `part` of a word; none when it is empty.
    fn word(&mut self, part: impl Fn(u8) -> bool) -> Option<String> {
        let start = self.at;
        while self.peek().is_some_and(&part) {
            self.at += 1;
        }
        let word = self.text.get(start..self.at)?.trim();
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.object(depth).map(Value::Object),
            b'[' => self.array(depth).map(Value::Array),
            quote @ (b'"' | b'\'') => self.string(quote).map(Value::String),
            _ => self
                .word(|byte| !matches!(byte, b',' | b'}' | b']' | b')' | b'\n' | b'{' | b'['))
                .map(|word| bare(&word)),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Map<String, Value>> {
        self.at += 1;
        let mut fields = Map::new();
        loop {
            self.space();
            match self.peek() {
                None => return (!fields.is_empty()).then_some(fields),
                Some(b'}') => {
                    self.at += 1;
                    return Some(fields);
                }
                Some(b',') => self.at += 1,
                Some(quote @ (b'"' | b'\'')) => {
                    let key = self.string(quote)?;
                    self.expect(b':')?;
                    fields.insert(key, self.value(depth + 1)?);
                }
                Some(_) => {
                    let key = self.word(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')?;
                    self.expect(b':')?;
                    fields.insert(key, self.value(depth + 1)?);
                }
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Vec<Value>> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            match self.peek() {
                None => return (!items.is_empty()).then_some(items),
                Some(b']') => {
                    self.at += 1;
                    return Some(items);
                }
                Some(b',') => self.at += 1,
                Some(_) => items.push(self.value(depth + 1)?),
            }
        }
    }

    fn string(&mut self, quote: u8) -> Option<String> {
        self.at += 1;
        let (rest, mut out) = (self.text.get(self.at..)?, String::new());
        let mut characters = rest.char_indices();
        while let Some((offset, character)) = characters.next() {
            if character == char::from(quote) {
                self.at += offset + 1;
                return Some(out);
            }
            if character != '\\' {
                out.push(character);
                continue;
            }
            match characters.next()?.1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                'u' => {
                    let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    out.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{FFFD}'));
                }
                other => out.push(other),
            }
        }
        // The reply ended inside the string.
        self.at = self.text.len();
        Some(out)
    }
}

fn bare(word: &str) -> Value {
    match word {
        "true" | "True" => Value::Bool(true),
        "false" | "False" => Value::Bool(false),
        "null" | "None" => Value::Null,
        _ => match word.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(word.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_models_write() {
        let cases = [
            (r#"Sure! {"a": 1}"#, vec![json!({"a": 1})]),
            ("{'a': 'it\\'s', 'b': [1, 2,], c: True,}", vec![json!({"a": "it's", "b": [1, 2], "c": true})]),
            ("```json\n{\"a\": {\"b\": null}}\n``` and [1.5]", vec![json!({"a": {"b": null}}), json!([1.5])]),
            (r#"{"a": "cut sho"#, vec![json!({"a": "cut sho"})]),
            ("{city: New York, n: -3}", vec![json!({"city": "New York", "n": -3})]),
            ("no value { here }", vec![]),
            (r#"{"é": "\u00e9"}"#, vec![json!({"é": "é"})]),
        ];
        for (text, expected) in cases {
            assert_eq!(values(text), expected, "{text}");
        }
        assert!(values(&"[".repeat(100_000)).is_empty());
        let fields = keywords("city='Oslo', days=3, exact=False) and more").unwrap_or_default();
        assert_eq!(Value::Object(fields), json!({"city": "Oslo", "days": 3, "exact": false}));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}'\",:=\\\\a-zé0-9 \\n()]{0,60}") {
            let _ = (values(&text), keywords(&text));
        }
    }
}
