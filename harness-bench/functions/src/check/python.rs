//! The parts of Python's semantics the leaderboard's checker rests on: exact types, numeric
//! equality across types, and its way of comparing strings loosely.
//!
//! One difference remains: an integer literal beyond 64 bits, or `-0`, is read here as a float.

use serde_json::{Number, Value};

/// A Python type as `json` produces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PyType {
    None,
    Bool,
    Int,
    Float,
    Str,
    List,
    Dict,
}

impl PyType {
    /// The exact type of a value; a bool is not an int here.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => PyType::None,
            Value::Bool(_) => PyType::Bool,
            Value::Number(number) if number.is_f64() => PyType::Float,
            Value::Number(_) => PyType::Int,
            Value::String(_) => PyType::Str,
            Value::Array(_) => PyType::List,
            Value::Object(_) => PyType::Dict,
        }
    }

    /// The type a function document asks for; `None` for a name the leaderboard does not know.
    pub(crate) fn documented(name: &str) -> Option<Self> {
        Some(match name {
            "string" | "any" => PyType::Str,
            "integer" => PyType::Int,
            "float" => PyType::Float,
            "boolean" => PyType::Bool,
            "array" | "tuple" => PyType::List,
            "dict" => PyType::Dict,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            PyType::None => "NoneType",
            PyType::Bool => "bool",
            PyType::Int => "int",
            PyType::Float => "float",
            PyType::Str => "str",
            PyType::List => "list",
            PyType::Dict => "dict",
        }
    }
}

/// Python's `==`: numbers and bools compare by value, dicts without order.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| equal(x, y)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| equal(x, y)))
        }
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Null, Value::Null) => true,
        _ => match (numeric(left), numeric(right)) {
            (Some(a), Some(b)) => a.equals(b),
            _ => false,
        },
    }
}

/// Python's `value in list`.
pub(crate) fn contains(list: &[Value], value: &Value) -> bool {
    list.iter().any(|item| equal(item, value))
}

/// The string `""`, which marks a parameter as optional in a gold answer.
pub(crate) fn is_blank(value: &Value) -> bool {
    value.as_str() == Some("")
}

/// Lower case, without spaces and the marks `, . / - _ * ^`, single quotes as double: what is left
/// is compared. Dates and addresses come in too many spellings to insist on one.
pub(crate) fn loosen(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !matches!(c, ' ' | ',' | '.' | '/' | '-' | '_' | '*' | '^')).collect();
    kept.to_lowercase().replace('\'', "\"")
}

/// A string loosened, anything else as it is.
pub(crate) fn loosened(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(loosen(text)),
        other => other.clone(),
    }
}

/// Python's conversion of an int to a float; other values as they are.
pub(crate) fn int_as_float(value: &Value) -> Value {
    match (PyType::of(value), value.as_f64()) {
        (PyType::Int, Some(float)) => Number::from_f64(float).map_or(Value::Null, Value::Number),
        _ => value.clone(),
    }
}

#[derive(Clone, Copy)]
enum Numeric {
    Int(i128),
    Float(f64),
}

impl Numeric {
    fn equals(self, other: Numeric) -> bool {
        match (self, other) {
            (Numeric::Int(a), Numeric::Int(b)) => a == b,
            (Numeric::Float(a), Numeric::Float(b)) => a == b,
            (Numeric::Int(int), Numeric::Float(float)) | (Numeric::Float(float), Numeric::Int(int)) => {
                // The cast saturates, and every int here fits 65 bits, so this is exact.
                float.fract() == 0.0 && float as i128 == int
            }
        }
    }
}

fn numeric(value: &Value) -> Option<Numeric> {
    match value {
        Value::Bool(flag) => Some(Numeric::Int(i128::from(*flag))),
        Value::Number(number) => Some(
            number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from))
                .map_or(Numeric::Float(number.as_f64()?), Numeric::Int),
        ),
        _ => None,
    }
}
