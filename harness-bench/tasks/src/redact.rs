//! What must not leave a conversation for a file of tasks: addresses of people, keys, tokens, numbers of cards. Each is replaced by
//! a mark, equal ones by equal marks. Patterns find what looks like a secret; a secret that looks like a word is not found, so
//! whoever shares the file must read it.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

/// What something is, and how it looks. Tried in this order: the longer forms first.
const PATTERNS: [(&str, &str); 8] = [
    ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----"),
    ("token", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    (
        "key",
        r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bA[KS]IA[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{30,}|\bhf_[A-Za-z0-9]{20,}|\bglpat-[A-Za-z0-9_-]{16,}",
    ),
    ("token", r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{12,}"),
    (
        "password",
        r#"(?i)\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token)\b\s*(?:is|=|:)\s*["']?[^\s"',;]{4,}"#,
    ),
    ("address with password", r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@[^\s]+"),
    ("e-mail", r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"),
    ("number", r"\b(?:\d[ -]?){12,18}\d\b"),
];

/// One thing that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// What it is.
    pub kind: &'static str,
    /// What stands in its place.
    pub mark: String,
    /// Its beginning and its length: enough for whoever knows it.
    pub hint: String,
    /// How often it stood there.
    pub times: usize,
}

/// Replaces, and remembers what.
#[derive(Debug)]
pub struct Redactor {
    patterns: Vec<(&'static str, Regex)>,
    found: BTreeMap<String, Redacted>,
}

impl Redactor {
    /// One that has seen nothing yet.
    ///
    /// # Errors
    ///
    /// A pattern does not compile: a bug of this program.
    pub fn new() -> Result<Self, regex::Error> {
        let compile = |(kind, pattern): (&'static str, &str)| Regex::new(pattern).map(|pattern| (kind, pattern));
        Ok(Self { patterns: PATTERNS.into_iter().map(compile).collect::<Result<_, _>>()?, found: BTreeMap::new() })
    }

    /// The text without what looks like a secret.
    pub fn redact(&mut self, text: &str) -> String {
        let Self { patterns, found } = self;
        let mut text = text.to_owned();
        for (kind, pattern) in patterns {
            let replaced = pattern.replace_all(&text, |secret: &Captures<'_>| {
                let secret = &secret[0];
                // Long numbers are cards and accounts only where their check digit says so.
                if *kind == "number" && !is_card(secret) {
                    return secret.to_owned();
                }
                mark(found, kind, secret)
            });
            text = replaced.into_owned();
        }
        text
    }

    /// What was replaced, by mark.
    pub fn found(&self) -> Vec<Redacted> {
        let mut all: Vec<Redacted> = self.found.values().cloned().collect();
        all.sort_by(|a, b| a.mark.cmp(&b.mark));
        all
    }
}

fn mark(found: &mut BTreeMap<String, Redacted>, kind: &'static str, secret: &str) -> String {
    if let Some(known) = found.get_mut(secret) {
        known.times += 1;
        return known.mark.clone();
    }
    let number = found.values().filter(|other| other.kind == kind).count() + 1;
    let mark = format!("[{} {number}]", kind.to_uppercase());
    let beginning: String = secret.chars().take(2).collect();
    let hint = format!("{beginning}… of {} characters", secret.chars().count());
    found.insert(secret.to_owned(), Redacted { kind, mark: mark.clone(), hint, times: 1 });
    mark
}

/// The check digit of ISO/IEC 7812 (Luhn).
fn is_card(text: &str) -> bool {
    let digits = text.chars().rev().filter_map(|c| c.to_digit(10));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_replaced_and_told() {
        let mut redactor = Redactor::new().unwrap();
        for (text, expected) in [
            ("Write to ann@example.org or bob@mail.example.co.uk.", "Write to [E-MAIL 1] or [E-MAIL 2]."),
            ("Again ann@example.org", "Again [E-MAIL 1]"),
            ("key sk-abcdefghijklmnopqrstuvwx ends", "key [KEY 1] ends"),
            ("AKIAABCDEFGHIJKLMNOP and ghp_abcdefghijklmnopqrstuvwxyz0123", "[KEY 2] and [KEY 3]"),
            ("Authorization: Bearer abcdefghijklmnop", "Authorization: [TOKEN 1]"),
            ("my password is hunter22, really", "my [PASSWORD 1], really"),
            ("postgres://me:pw1234@db.example/x", "[ADDRESS WITH PASSWORD 1]"),
            ("card 4111 1111 1111 1111 please", "card [NUMBER 1] please"),
            ("order 1234567890123 please", "order 1234567890123 please"),
            ("nothing here: 2 + 2 = 4, a@b, sk-1", "nothing here: 2 + 2 = 4, a@b, sk-1"),
            ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "[PRIVATE KEY 1]"),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "[TOKEN 2]"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
        let found = redactor.found();
        let ann = found.iter().find(|one| one.mark == "[E-MAIL 1]").unwrap();
        assert_eq!((ann.times, ann.hint.as_str()), (2, "an… of 15 characters"));
        assert!(found.iter().all(|one| !one.hint.contains("hunter")));
    }
}
