//! Calls in writing, for harnesses whose action is the reply itself: JSON
//! (`{"name": …, "arguments": {…}}`, or an array of these) or the leaderboard's own prompt format
//! (`[f(a=1, b='x'), g()]`).
//!
//! The whole reply, a code fence aside, must be calls. Nothing is searched for in prose and nothing
//! is repaired: that is a harness's work.

use serde_json::{Map, Number, Value};

use crate::task::Call;

/// How deep literals may nest; deeper text is not a call anybody meant.
const DEEPEST: usize = 32;

/// The calls a reply consists of; `None` when it is anything else.
pub fn calls(text: &str) -> Option<Vec<Call>> {
    let text = unfenced(text.trim());
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => items.into_iter().map(json_call).collect(),
        Ok(value) => json_call(value).map(|call| vec![call]),
        Err(_) => Python::new(text).whole(),
    }
}

fn unfenced(text: &str) -> &str {
    text.strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .and_then(|inside| inside.split_once('\n'))
        .map_or(text, |(_language, body)| body.trim())
}

fn json_call(value: Value) -> Option<Call> {
    let Value::Object(mut fields) = value else {
        return None;
    };
    let name = fields.get("name")?.as_str()?.to_owned();
    let arguments = fields.remove("arguments").or_else(|| fields.remove("parameters"))?;
    Some(Call { name, arguments })
}

/// A reader of Python call syntax with literal arguments.
struct Python<'a> {
    rest: &'a str,
}

impl<'a> Python<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// `f(…)` or `[f(…), g(…)]`, and nothing after it.
    fn whole(mut self) -> Option<Vec<Call>> {
        let calls = if self.eat("[") { self.list("]", Self::call)? } else { vec![self.call()?] };
        self.space();
        self.rest.is_empty().then_some(calls)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Items up to `end`, with commas between and perhaps one after.
    fn list<T>(&mut self, end: &str, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        loop {
            if self.eat(end) {
                return Some(items);
            }
            items.push(item(self)?);
            if !self.eat(",") {
                return self.eat(end).then_some(items);
            }
        }
    }

    fn name(&mut self, dots: bool) -> Option<&'a str> {
        self.space();
        let length = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || (dots && c == '.')))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(length);
        let first = name.chars().next()?;
        if first.is_numeric() || first == '.' {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    fn call(&mut self) -> Option<Call> {
        let name = self.name(true)?.to_owned();
        if !self.eat("(") {
            return None;
        }
        let arguments = self.list(")", |reader| {
            let name = reader.name(false)?.to_owned();
            reader.eat("=").then_some(())?;
            Some((name, reader.value(0)?))
        })?;
        Some(Call { name, arguments: Value::Object(arguments.into_iter().collect()) })
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        self.space();
        let first = self.rest.chars().next()?;
        match first {
            '\'' | '"' => self.string(first).map(Value::String),
            '[' => {
                self.eat("[");
                self.list("]", |reader| reader.value(depth + 1)).map(Value::Array)
            }
            '(' => {
                self.eat("(");
                self.list(")", |reader| reader.value(depth + 1)).map(Value::Array)
            }
            '{' => {
                self.eat("{");
                let pairs = self.list("}", |reader| {
                    reader.space();
                    let quote = reader.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
                    let key = reader.string(quote)?;
                    reader.eat(":").then_some(())?;
                    Some((key, reader.value(depth + 1)?))
                })?;
                Some(Value::Object(pairs.into_iter().collect::<Map<_, _>>()))
            }
            '-' | '.' | '0'..='9' => self.number(),
            _ => match self.name(false)? {
                "True" | "true" => Some(Value::Bool(true)),
                "False" | "false" => Some(Value::Bool(false)),
                "None" | "null" => Some(Value::Null),
                _ => None,
            },
        }
    }

    fn number(&mut self) -> Option<Value> {
        let length = self
            .rest
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E' | '_')))
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(length);
        let text = text.replace('_', "");
        self.rest = rest;
        match text.parse::<i64>() {
            Ok(integer) => Some(Value::from(integer)),
            Err(_) => Number::from_f64(text.parse().ok()?).map(Value::Number),
        }
    }

    fn string(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    self.rest = &self.rest[at + quote.len_utf8()..];
                    return Some(text);
                }
                '\n' => return None,
                '\\' => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    escaped @ ('\\' | '\'' | '"') => text.push(escaped),
                    other => text.extend(['\\', other]),
                },
                other => text.push(other),
            }
        }
        None
    }
}
