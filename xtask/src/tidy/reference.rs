//! Every word a person may write into `harness.toml` or `pack.toml` is in the documents.
//!
//! The words are read from the sources that parse them: members of `vocabulary!` lists and the keys of manifests. A word
//! counts as documented where it stands alone in backticks, quoted or not.

use super::{Breach, File};

/// Where words are defined and where they must be explained.
const WORDS: [(&str, &str); 4] = [
    ("harness-core/spec/src/setting.rs", "docs/harness-toml.md"),
    ("harness-core/spec/src/change.rs", "docs/harness-toml.md"),
    ("harness-core/spec/src/vocabulary.rs", "docs/packs.md"),
    ("harness-core/spec/src/manifest_parse.rs", "docs/packs.md"),
];

/// The words missing from a document.
pub fn check(files: &[File]) -> Vec<Breach> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let mut breaches = Vec::new();
    for (source, document) in WORDS {
        let (Some(code), Some(page)) = (text(source), text(document)) else {
            breaches.push(Breach::new(document, format!("or {source} is not there, and one documents the other")));
            continue;
        };
        for word in words(code).into_iter().filter(|word| !documented(page, word)) {
            breaches.push(Breach::new(document, format!("`{word}` of {source} is not explained")));
        }
    }
    breaches
}

/// Members of vocabularies, `Name = "word",`, and lines of lists of keys, `"word",`.
fn words(code: &str) -> Vec<&str> {
    code.lines()
        .filter_map(|line| {
            let line = line.trim();
            let word = line.strip_suffix("\",")?;
            match word.split_once("= \"") {
                Some((name, word)) if name.trim().chars().all(char::is_alphanumeric) => Some(word),
                Some(_) => None,
                None => word.strip_prefix('"'),
            }
        })
        .filter(|word| word.chars().all(|letter| letter.is_alphanumeric() || "._".contains(letter)))
        .collect()
}

fn documented(page: &str, word: &str) -> bool {
    [format!("`{word}`"), format!("`\"{word}\"`")].iter().any(|form| page.contains(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_missed() {
        let code = "const KEYS: [&str; 2] = [\n    \"name\",\n    \"kind\",\n];\n        Steps = \"budget.steps\",\n    x: \"a b\",\n";
        assert_eq!(words(code), ["name", "kind", "budget.steps"]);
        assert!(
            documented("the `name` and", "name") && documented("`\"name\"`", "name") && !documented("name", "name")
        );
    }
}
