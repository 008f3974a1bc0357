//! What is read of a user's files: text in UTF-8, or in UTF-16 that says so, and JSON in which no
//! number loses a digit and no key stands twice.

use std::{borrow::Cow, collections::HashSet, fmt, io, path::Path};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use crate::number;

/// Bytes of one file of tasks, at most.
pub(crate) const MOST: u64 = 2 << 30;

/// The text of a regular file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<String> {
    let bytes = harness_files::read(path, most)?;
    text(&bytes).map(Cow::into_owned).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Bytes that are no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Neither UTF-8 nor marked as UTF-16.
    #[error("not UTF-8 after byte {0}; save it as UTF-8")]
    Utf8(usize),
    /// Marked as UTF-16, but broken.
    #[error("not UTF-16 after unit {0}, though it begins as if it were; save it as UTF-8")]
    Utf16(usize),
    /// A text with zero bytes, as UTF-16 without a mark is.
    #[error("byte {0} is 0, as in UTF-16; save it as UTF-8")]
    Zero(usize),
}

/// Whether a file that begins so is UTF-16.
pub(crate) fn is_wide(begin: &[u8]) -> bool {
    matches!(begin, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

/// The text of a part of a file that is not UTF-16; the part begins `at` so many bytes, and ends with a line.
pub(crate) fn piece(bytes: &[u8], at: usize) -> Result<&str, TextFault> {
    let text = std::str::from_utf8(bytes).map_err(|error| TextFault::Utf8(at + error.valid_up_to()))?;
    match bytes.iter().position(|byte| *byte == 0) {
        Some(zero) => Err(TextFault::Zero(at + zero)),
        None => Ok(if at == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text }),
    }
}

/// The text of a file: UTF-8, or UTF-16 with a byte order mark as spreadsheets write it.
pub(crate) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, TextFault> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks(2).map(|pair| unit([pair[0], pair.get(1).copied().unwrap_or_default()]));
        let text = char::decode_utf16(units).enumerate().map(|(at, c)| c.map_err(|_| TextFault::Utf16(at)));
        match rest.len() % 2 {
            0 => text.collect::<Result<String, _>>().map(Cow::Owned),
            _ => Err(TextFault::Utf16(rest.len() / 2)),
        }
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => piece(bytes, 0).map(Cow::Borrowed),
    }
}

/// The fields of an object in which no key stands twice, as they are written.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let (mut fields, mut seen) = (Vec::new(), HashSet::new());
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !seen.insert(key.clone()) {
                        return Err(A::Error::custom(format_args!("`{key}` stands there twice")));
                    }
                    fields.push((key, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// An object in which no key stands twice, with values as they are written.
#[derive(Debug)]
pub(crate) struct Object(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields(fields) = Fields::deserialize(deserializer)?;
        let fields = fields.into_iter().map(|(key, raw)| exact(&raw).map(|value| (key, value)));
        fields.collect::<Result<_, _>>().map(Self).map_err(D::Error::custom)
    }
}

/// An answer in JSON: a number that would lose digits or its form is kept as the text it is written as.
pub(crate) fn answer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    exact(&Box::<RawValue>::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn exact(raw: &RawValue) -> Result<Value, serde_json::Error> {
    let value: Value = serde_json::from_str(raw.get())?;
    if let Value::Array(items) = value {
        let raws: Vec<&RawValue> = serde_json::from_str(raw.get())?;
        return items.into_iter().zip(raws).map(|(item, raw)| kept(item, raw)).collect();
    }
    kept(value, raw)
}

fn kept(value: Value, raw: &RawValue) -> Result<Value, serde_json::Error> {
    let raw = raw.get().trim();
    match value {
        Value::Number(number) if number.to_string() != raw => Ok(Value::from(raw)),
        Value::Object(_) | Value::Array(_) => match lossy(raw)? {
            Some(number) => Err(serde_json::Error::custom(format_args!(
                "the number {number} has more digits than a schema can hold; make it a text"
            ))),
            None => Ok(value),
        },
        value => Ok(value),
    }
}

/// The first number within `raw` that reading changes.
fn lossy(raw: &str) -> Result<Option<String>, serde_json::Error> {
    let inner: Vec<Box<RawValue>> = match raw.as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Fields>(raw)?.0.into_iter().map(|(_, value)| value).collect(),
        Some(b'[') => serde_json::from_str(raw)?,
        Some(b'-' | b'0'..=b'9') => {
            let read: serde_json::Number = serde_json::from_str(raw)?;
            let same = number::last(&read.to_string()) == number::last(raw);
            return Ok((!same).then(|| raw.to_owned()));
        }
        _ => return Ok(None),
    };
    for raw in inner {
        if let Some(number) = lossy(raw.get())? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_what_spreadsheets_write() {
        let wide = |text: &str, unit: fn(u16) -> [u8; 2], mark: [u8; 2]| {
            let units: Vec<u8> = text.encode_utf16().flat_map(unit).collect();
            [mark.to_vec(), units].concat()
        };
        let said = "q,a\n東京😀,1\n";
        for bytes in [
            said.as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], said.as_bytes()].concat(),
            wide(said, u16::to_le_bytes, [0xff, 0xfe]),
            wide(said, u16::to_be_bytes, [0xfe, 0xff]),
        ] {
            assert_eq!(text(&bytes).unwrap(), said);
        }
        assert_eq!(text(b"caf\xe9"), Err(TextFault::Utf8(3)));
        assert_eq!(text(b"\xff\xfea\0\x00\xd8"), Err(TextFault::Utf16(1)));
        assert_eq!(text(b"\xff\xfea"), Err(TextFault::Utf16(0)));
        assert_eq!(text(b"a\0b\0"), Err(TextFault::Zero(1)));
    }

    #[test]
    fn json_keeps_every_digit_and_every_key() {
        let read = |text: &str| serde_json::from_str::<Object>(text).map(|object| object.0["a"].clone());
        for (text, expected) in [
            ("4", json!(4)),
            ("4.5", json!(4.5)),
            ("12345678901234567890123", json!("12345678901234567890123")),
            ("1.50", json!("1.50")),
            ("[1.0, 123456789012345678901]", json!([1.0, "123456789012345678901"])),
            ("true", json!(true)),
            ("null", json!(null)),
            (r#"{"const": 0.1}"#, json!({"const": 0.1})),
        ] {
            assert_eq!(read(&format!("{{\"a\": {text}}}")).unwrap(), expected, "{text}");
        }
        for (text, says) in [
            (r#"{"a": 1, "a": 2}"#, "`a` stands there twice"),
            (r#"{"a": [{"b": {"c": 1, "c": 2}}]}"#, "`c` stands there twice"),
            (r#"{"a": {"const": 12345678901234567890123}}"#, "has more digits"),
            ("[1]", "a JSON object"),
        ] {
            assert!(read(text).unwrap_err().to_string().contains(says), "{text}");
        }
    }
}
