//! Numbers as people write them.

use serde_json::{Number, Value};

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// The number `word` is: digits with sign, thousands separators, a currency sign or a unit behind it, or a number word below 100.
pub fn number(word: &str) -> Option<Value> {
    let lower = word.to_lowercase();
    if let Some(small) = SMALL.iter().position(|name| *name == lower) {
        return Some(small.into());
    }
    let (ten, one) = lower.split_once('-').unwrap_or((lower.as_str(), ""));
    if let Some(ten) = TENS.iter().position(|name| *name == ten) {
        let one = if one.is_empty() {
            0
        } else {
            SMALL.iter().position(|name| *name == one).filter(|one| (1..10).contains(one))?
        };
        return Some((ten * 10 + 20 + one).into());
    }
    let body = lower.trim_start_matches(['$', '€', '£', '#', '+']);
    let digits = body.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '$'))).unwrap_or(body.len());
    let (figure, unit) = body.split_at(digits);
    let figure = figure.replace([',', '$'], "");
    let figure = figure.trim_end_matches(['.', '-']);
    // `3d` and `5kg` are numbers with a unit, `a1` is not, and neither is `2024-05-01`.
    let known = unit.is_empty()
        || (unit.chars().count() <= 3 && unit.chars().all(|c| c.is_alphabetic() || matches!(c, '%' | '°' | '²')));
    if !known
        || figure.get(1..).is_some_and(|rest| rest.contains('-'))
        || !figure.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let money = lower.starts_with(['$', '€', '£']);
    let factor = match unit {
        "k" => 1e3,
        "m" if money => 1e6,
        "b" if money => 1e9,
        _ => 1.0,
    };
    if factor > 1.0 {
        return figure.parse::<f64>().ok().map(|figure| scaled(&figure.into(), factor));
    }
    if let Ok(whole) = figure.parse::<i64>() {
        return Some(whole.into());
    }
    figure.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// What a word behind a number multiplies it by.
pub fn scale(word: &str) -> Option<f64> {
    match word.to_lowercase().as_str() {
        "hundred" => Some(1e2),
        "thousand" => Some(1e3),
        "million" => Some(1e6),
        "billion" => Some(1e9),
        "dozen" => Some(12.0),
        _ => None,
    }
}

/// `value` times `factor`, whole where it is.
pub fn scaled(value: &Value, factor: f64) -> Value {
    let product = value.as_f64().unwrap_or_default() * factor;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53, tested here")]
    let whole = (product.fract() == 0.0 && product.abs() < 9e15).then_some(product as i64);
    whole.map_or_else(|| Number::from_f64(product).map_or(Value::Null, Value::Number), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_figures() {
        let cases = [
            ("7", json!(7)),
            ("-3", json!(-3)),
            ("$1,250.50", json!(1250.5)),
            ("5%", json!(5)),
            ("3rd", json!(3)),
            ("Twelve", json!(12)),
            ("twenty-one", json!(21)),
            ("10km", json!(10)),
            ("0.5", json!(0.5)),
            ("$1.2M", json!(1_200_000)),
            ("5m", json!(5)),
            ("#4", json!(4)),
        ];
        for (word, value) in cases {
            assert_eq!(number(word), Some(value), "{word}");
        }
        for word in ["", "a1", "2024-05-01", "-", ".", "5pounds", "10:30", "twenty-ten", "1.2.3"] {
            assert_eq!(number(word), None, "{word}");
        }
        assert_eq!(scaled(&json!(1.5), 1e6), json!(1_500_000));
    }
}
