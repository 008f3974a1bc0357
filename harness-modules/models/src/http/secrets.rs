//! What must not leave the process in an error: keys, and the user and query of an address. Servers quote them in refusals, proxies in
//! pages, and an error goes into the record and to clients. One function, through which every error of this crate passes.

use harness_abi::ModuleError;

/// Stands where a secret stood.
const HIDDEN: &str = "[hidden]";
/// What is shorter is no secret, and would hide words.
const SHORTEST: usize = 4;
/// So many characters of a secret's beginning are enough to hide what follows: servers and excerpts cut keys short.
const BEGINNING: usize = 8;

/// Texts that no error may hold.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Of these texts.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
        // JSON writes some characters otherwise.
        let quoted = secrets.iter().map(|secret| serde_json::Value::from(secret.as_str()).to_string());
        let quoted: Vec<String> = quoted.map(|quoted| quoted.trim_matches('"').to_owned()).collect();
        secrets.extend(quoted);
        // The longest goes first: one may begin with another.
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Self(secrets)
    }

    /// The text without them, nor what begins like one.
    pub fn hide(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = self.0.iter().map(|secret| common(secret, rest)).max().unwrap_or(0);
            if length > 0 {
                shown.push_str(HIDDEN);
                rest = &rest[length..];
            } else {
                shown.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        shown
    }

    /// The error without them.
    pub fn redacted(&self, mut error: ModuleError) -> ModuleError {
        error.message = self.hide(&error.message).into();
        error.extra = self.hide(&error.extra).into();
        error
    }
}

/// Bytes at the beginning of `text` that give `secret` away.
fn common(secret: &str, text: &str) -> usize {
    let alike = secret.chars().zip(text.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a);
    let (characters, bytes) = alike.fold((0, 0), |(characters, bytes), a| (characters + 1, bytes + a.len_utf8()));
    if bytes == secret.len() || characters >= BEGINNING { bytes } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hidden_whole_and_cut_short() {
        let secrets = Secrets::new(["sk-proj-12345678", "tiny", "abc", "q\"uote"].map(str::to_owned));
        for (text, shown) in [
            ("key sk-proj-12345678.", "key [hidden]."),
            ("key sk-proj-1234", "key [hidden]"),
            ("keys begin with sk-", "keys begin with sk-"),
            ("sk-proj-12345678sk-proj-12345678", "[hidden][hidden]"),
            ("a tiny thing, abc", "a [hidden] thing, abc"),
            ("é{\"k\": \"q\\\"uote\"} q\"uote", "é{\"k\": \"[hidden]\"} [hidden]"),
            ("", ""),
        ] {
            assert_eq!(secrets.hide(text), shown);
        }
    }
}
