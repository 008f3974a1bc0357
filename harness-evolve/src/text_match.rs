//! Whether a text holds another, whatever its case, spacing and punctuation. Refuses to guess at ciphers: a text that was
//! encoded is found by the judge, or not at all.

use harness_spec::{Change, Config};
use serde_json::Value;

/// A text as its words, and as its letters and digits in a row.
#[derive(Debug, Clone)]
pub struct Words {
    /// As it was written.
    pub original: String,
    /// Lower-case words, with a space around each.
    words: String,
    /// Lower-case letters and digits in a row.
    letters: String,
}

/// Fewer letters and digits occur by chance.
const SHORTEST: usize = 6;
/// From here on, words that were run together or taken apart are found too.
const UNMISTAKABLE: usize = 12;

impl Words {
    /// A text to look for; `None` where it has fewer than six letters and digits.
    pub fn of(text: &str) -> Option<Self> {
        Some(Self::read(text)).filter(|read| read.letters.chars().count() >= SHORTEST)
    }

    /// A text to look into.
    pub fn read(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let (letters, words) = (words.concat(), format!(" {} ", words.join(" ")));
        Self { original: text.to_owned(), words, letters }
    }

    /// Whether this text holds `other`.
    pub fn hold(&self, other: &Self) -> bool {
        self.words.contains(&other.words)
            || (other.letters.len() >= UNMISTAKABLE && self.letters.contains(&other.letters))
    }
}

/// Every text a change brings in, with the field it is for.
pub(crate) fn texts(change: &Change) -> Vec<(String, String)> {
    fn walk(field: &str, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) => found.push((field.to_owned(), text.clone())),
            Value::Array(items) => items.iter().for_each(|item| walk(field, item, found)),
            Value::Object(entries) => entries.iter().for_each(|(key, item)| {
                found.push((field.to_owned(), key.clone()));
                walk(field, item, found);
            }),
            Value::Number(number) => found.push((field.to_owned(), number.to_string())),
            Value::Null | Value::Bool(_) => {}
        }
    }
    let mut found = Vec::new();
    let mut config = |config: &Config| config.iter().for_each(|(key, value)| walk(key, value, &mut found));
    match change {
        Change::Insert { config: given, .. } | Change::Replace { config: given, .. } => config(given),
        Change::Model { model: Some(model), .. } => {
            config(&model.config);
            model.fallbacks.iter().for_each(|fallback| config(&fallback.config));
        }
        Change::Configure { key, value: Some(value), .. } => walk(key, value, &mut found),
        Change::Adapt { rule } => found.extend(rule.apply.iter().flat_map(texts)),
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_however_it_is_spelled() {
        let holds = |text: &str, secret: &str| Words::of(secret).is_some_and(|secret| Words::read(text).hold(&secret));
        assert!(holds("remember: The Mug, is BLUE!", "the mug is blue"));
        assert!(holds("as in live_multiple 12-3-1.", "live_multiple_12-3-1"));
        assert!(holds("t h e m u g i s b l u e", "the mug is blue"));
        assert!(holds("say themugisblue", "the mug is blue"));
        assert!(!holds("oranges", "orange"), "a word is a word");
        assert!(!holds("cat", "cat"), "too short to tell from chance");
        assert!(!holds("live_multiple_12-3-11", "live_multiple_12-3-1 gate"));
    }
}
