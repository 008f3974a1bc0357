//! JSON Schema to automaton.
//!
//! Supported: `type` (object, array, string, integer, number, boolean, null, or a list of them),
//! `properties` in the order written, `required`, `additionalProperties: false`, `items`, `minItems`,
//! `maxItems`, `minLength`, `maxLength`, `enum`, `const`, `anyOf`, `oneOf`, and annotations. Any other keyword is refused by
//! name, because ignoring it would let wrong values through. (`format`, `pattern` and numeric bounds are such.)
//!
//! Properties that are not listed are never written.
//! White space is one space after `:` and `,`, so that keys and punctuation need no choice. Numbers have at most fifteen digits before and
//! after the point, so that every reply ends. An array or string without a bound may be of any length.

use super::nfa::{Nfa, Piece};
use crate::engine::error::{EngineError, Result};
use serde_json::{Map, Value};

/// Keywords that describe and do not constrain.
const ANNOTATIONS: [&str; 9] =
    ["title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly"];
/// States beyond which a schema is refused.
const MAX_STATES: usize = 200_000;
const MAX_DIGITS: usize = 15;

/// Translates a schema. `led_by_space` puts one space before the value, for values that continue a line.
///
/// # Errors
///
/// The schema uses what cannot be translated, which is named.
pub fn compile(schema: &Value, led_by_space: bool) -> Result<Nfa> {
    Nfa::build(|nfa| {
        let body = value(nfa, schema, "")?;
        if !led_by_space {
            return Ok(body);
        }
        let space = nfa.literal(b" ");
        Ok(nfa.sequence(&[space, body]))
    })
}

fn refuse<T>(at: &str, what: impl Into<String>) -> Result<T> {
    let at = if at.is_empty() { "/" } else { at };
    Err(EngineError::Schema { at: at.into(), what: what.into() })
}

fn value(nfa: &mut Nfa, schema: &Value, at: &str) -> Result<Piece> {
    if nfa.len() > MAX_STATES {
        return refuse(at, "the schema is too large once its bounds are written out; lower maxItems or maxLength");
    }
    let map = match schema {
        Value::Object(map) => map,
        other => return refuse(at, format!("a schema must be an object, found `{other}`")),
    };
    if let Some(constant) = map.get("const") {
        allow(map, at, &["const", "type"])?;
        return Ok(exactly(nfa, constant));
    }
    if let Some(options) = map.get("enum") {
        allow(map, at, &["enum", "type"])?;
        let Some(options) = options.as_array().filter(|o| !o.is_empty()) else {
            return refuse(at, "`enum` must be an array with at least one value");
        };
        let pieces: Vec<Piece> = options.iter().map(|o| exactly(nfa, o)).collect();
        return Ok(nfa.any(&pieces));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(options) = map.get(keyword) {
            allow(map, at, &[keyword])?;
            let Some(options) = options.as_array().filter(|o| !o.is_empty()) else {
                return refuse(at, format!("`{keyword}` must be an array with at least one schema"));
            };
            let option = |(i, o)| value(nfa, o, &format!("{at}/{keyword}/{i}"));
            let pieces = options.iter().enumerate().map(option).collect::<Result<Vec<_>>>()?;
            return Ok(nfa.any(&pieces));
        }
    }
    match map.get("type") {
        Some(Value::String(kind)) => typed(nfa, map, kind, at),
        Some(Value::Array(kinds)) if !kinds.is_empty() => {
            let mut pieces = Vec::new();
            for kind in kinds {
                match kind.as_str() {
                    Some(kind) => pieces.push(typed(nfa, map, kind, at)?),
                    None => return refuse(at, format!("`type` lists `{kind}`, which is not a name")),
                }
            }
            Ok(nfa.any(&pieces))
        }
        Some(other) => refuse(at, format!("`type` is `{other}`, which is not a name")),
        None => refuse(at, "one of `type`, `enum`, `const`, `anyOf`, `oneOf` is needed"),
    }
}

/// Refuses keywords that are neither listed nor annotations.
fn allow(map: &Map<String, Value>, at: &str, known: &[&str]) -> Result<()> {
    match map.keys().find(|k| !known.contains(&k.as_str()) && !ANNOTATIONS.contains(&k.as_str())) {
        Some(keyword) => refuse(at, format!("keyword `{keyword}` is not supported here")),
        None => Ok(()),
    }
}

fn bound(map: &Map<String, Value>, key: &str, at: &str) -> Result<Option<usize>> {
    match map.get(key) {
        None => Ok(None),
        Some(v) => match v.as_u64() {
            Some(n) if n <= 10_000 => Ok(Some(n as usize)),
            _ => refuse(at, format!("`{key}` is `{v}`; whole numbers up to 10000 are supported")),
        },
    }
}

fn typed(nfa: &mut Nfa, map: &Map<String, Value>, kind: &str, at: &str) -> Result<Piece> {
    let several = map.get("type").is_some_and(Value::is_array);
    let all = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
    ];
    let known: &[&str] = match kind {
        _ if several => &all,
        "object" => &["type", "properties", "required", "additionalProperties"],
        "array" => &["type", "items", "minItems", "maxItems"],
        "string" => &["type", "minLength", "maxLength"],
        _ => &["type"],
    };
    allow(map, at, known)?;
    match kind {
        "object" => object(nfa, map, at),
        "array" => {
            let Some(items) = map.get("items") else { return refuse(at, "an array needs `items`") };
            let (min, max) = (bound(map, "minItems", at)?.unwrap_or(0), bound(map, "maxItems", at)?);
            array(nfa, items, min, max, at)
        }
        "string" => {
            let (min, max) = (bound(map, "minLength", at)?.unwrap_or(0), bound(map, "maxLength", at)?);
            let body = nfa.repeat(min, max.map(|m| m.max(min)), |nfa| Ok::<_, EngineError>(character(nfa)))?;
            let (open, close) = (nfa.literal(b"\""), nfa.literal(b"\""));
            Ok(nfa.sequence(&[open, body, close]))
        }
        "integer" => Ok(integer(nfa)),
        "number" => Ok(number(nfa)),
        "boolean" => {
            let options = [nfa.literal(b"true"), nfa.literal(b"false")];
            Ok(nfa.any(&options))
        }
        "null" => Ok(nfa.literal(b"null")),
        other => refuse(at, format!("type `{other}` is not a JSON type")),
    }
}

/// The value as compact JSON.
fn exactly(nfa: &mut Nfa, value: &Value) -> Piece {
    nfa.literal(value.to_string().as_bytes())
}

fn object(nfa: &mut Nfa, map: &Map<String, Value>, at: &str) -> Result<Piece> {
    if !matches!(map.get("additionalProperties"), None | Some(Value::Bool(_))) {
        return refuse(at, "`additionalProperties` with a schema is not supported");
    }
    let empty = Map::new();
    let properties = match map.get("properties") {
        None => &empty,
        Some(Value::Object(p)) => p,
        Some(other) => return refuse(at, format!("`properties` is `{other}`, which is not an object")),
    };
    let required: Vec<&str> = match map.get("required") {
        None => Vec::new(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(other) => return refuse(at, format!("`required` is `{other}`, which is not an array")),
    };
    if let Some(name) = required.iter().find(|n| !properties.contains_key(**n)) {
        return refuse(at, format!("`{name}` is required but not among the properties"));
    }
    // Two chains run side by side: nothing written yet, and something written (a comma is due).
    let mut bare = nfa.literal(b"{");
    let mut written: Option<Piece> = None;
    for (name, schema) in properties {
        let at = format!("{at}/properties/{name}");
        let pair = |nfa: &mut Nfa| -> Result<Piece> {
            let key = exactly(nfa, &Value::String(name.clone()));
            let colon = nfa.literal(b": ");
            let body = value(nfa, schema, &at)?;
            Ok(nfa.sequence(&[key, colon, body]))
        };
        let mut after = Vec::new();
        if bare.1 != u32::MAX {
            let first = pair(nfa)?;
            after.push(nfa.sequence(&[bare, first]));
        }
        if let Some(written) = written {
            let comma = nfa.literal(b", ");
            let next = pair(nfa)?;
            after.push(nfa.sequence(&[written, comma, next]));
            if !required.contains(&name.as_str()) {
                after.push(written);
            }
        }
        if required.contains(&name.as_str()) {
            bare.1 = u32::MAX;
        }
        written = Some(if let [only] = after[..] { only } else { nfa.any(&after) });
    }
    let mut ends = Vec::new();
    if bare.1 != u32::MAX {
        ends.push(bare);
    }
    ends.extend(written);
    let end = nfa.any(&ends);
    let close = nfa.literal(b"}");
    Ok(nfa.sequence(&[end, close]))
}

fn array(nfa: &mut Nfa, items: &Value, min: usize, max: Option<usize>, at: &str) -> Result<Piece> {
    let at = format!("{at}/items");
    let (open, close) = (nfa.literal(b"["), nfa.literal(b"]"));
    if max == Some(0) {
        return Ok(nfa.sequence(&[open, close]));
    }
    let first = value(nfa, items, &at)?;
    let more = nfa.repeat(min.saturating_sub(1), max.map(|m| m.max(min) - 1), |nfa| {
        let comma = nfa.literal(b", ");
        let item = value(nfa, items, &at)?;
        Ok::<_, EngineError>(nfa.sequence(&[comma, item]))
    })?;
    let mut body = nfa.sequence(&[first, more]);
    if min == 0 {
        body = nfa.optional(body);
    }
    Ok(nfa.sequence(&[open, body, close]))
}

/// One character of a string: UTF-8 without controls, quote and backslash, or an escape.
fn character(nfa: &mut Nfa) -> Piece {
    let plain = nfa.byte(&[(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E)]);
    let mut pieces = vec![plain];
    // Well-formed UTF-8 (Unicode table 3-7).
    let table: [&[(u8, u8)]; 8] = [
        &[(0xC2, 0xDF), (0x80, 0xBF)],
        &[(0xE0, 0xE0), (0xA0, 0xBF), (0x80, 0xBF)],
        &[(0xE1, 0xEC), (0x80, 0xBF), (0x80, 0xBF)],
        &[(0xED, 0xED), (0x80, 0x9F), (0x80, 0xBF)],
        &[(0xEE, 0xEF), (0x80, 0xBF), (0x80, 0xBF)],
        &[(0xF0, 0xF0), (0x90, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
        &[(0xF1, 0xF3), (0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
        &[(0xF4, 0xF4), (0x80, 0x8F), (0x80, 0xBF), (0x80, 0xBF)],
    ];
    for row in table {
        let bytes: Vec<Piece> = row.iter().map(|range| nfa.byte(&[*range])).collect();
        pieces.push(nfa.sequence(&bytes));
    }
    let slash = nfa.literal(b"\\");
    let short = nfa.byte(&[
        (b'"', b'"'),
        (b'\\', b'\\'),
        (b'/', b'/'),
        (b'b', b'b'),
        (b'f', b'f'),
        (b'n', b'n'),
        (b'r', b'r'),
        (b't', b't'),
    ]);
    pieces.push(nfa.sequence(&[slash, short]));
    nfa.any(&pieces)
}

fn digits(nfa: &mut Nfa, min: usize, max: usize) -> Piece {
    let digit = |nfa: &mut Nfa| Ok::<_, std::convert::Infallible>(nfa.byte(&[(b'0', b'9')]));
    match nfa.repeat(min, Some(max), digit) {
        Ok(piece) => piece,
        Err(never) => match never {},
    }
}

fn integer(nfa: &mut Nfa) -> Piece {
    let minus = nfa.literal(b"-");
    let minus = nfa.optional(minus);
    let first = nfa.byte(&[(b'1', b'9')]);
    let rest = digits(nfa, 0, MAX_DIGITS - 1);
    let (long, zero) = (nfa.sequence(&[first, rest]), nfa.literal(b"0"));
    let body = nfa.any(&[long, zero]);
    nfa.sequence(&[minus, body])
}

fn number(nfa: &mut Nfa) -> Piece {
    let whole = integer(nfa);
    let point = nfa.literal(b".");
    let decimals = digits(nfa, 1, MAX_DIGITS);
    let fraction = nfa.sequence(&[point, decimals]);
    let fraction = nfa.optional(fraction);
    let mark = nfa.byte(&[(b'e', b'e'), (b'E', b'E')]);
    let sign = nfa.byte(&[(b'+', b'+'), (b'-', b'-')]);
    let sign = nfa.optional(sign);
    let power = digits(nfa, 1, 2);
    let exponent = nfa.sequence(&[mark, sign, power]);
    let exponent = nfa.optional(exponent);
    nfa.sequence(&[whole, fraction, exponent])
}
