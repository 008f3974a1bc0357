//! Every word a person may write into `harness.toml` or `pack.toml` is in the documents.
//!
//! The words are read from the sources that parse them: members of `vocabulary!` lists and the keys of manifests. A word
//! counts as documented where it stands alone in backticks, quoted or not.

use super::{Breach, File};

/// Where words are defined.
const SOURCES: [&str; 4] = ["setting.rs", "change.rs", "vocabulary.rs", "manifest_parse.rs"];
/// Where they must be explained, one or the other.
const DOCUMENTS: [&str; 2] = ["docs/harness-toml.md", "docs/packs.md"];

/// The words missing from both documents.
pub fn check(files: &[File]) -> Vec<Breach> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| &file.text);
    let page = DOCUMENTS.map(text).concat();
    let mut breaches = Vec::new();
    for source in SOURCES.map(|name| format!("harness-core/spec/src/{name}")) {
        let words = words(text(&source));
        if words.is_empty() {
            breaches.push(Breach::new(&source, "has no words to document; has it moved?"));
        }
        for word in words.into_iter().filter(|word| !documented(&page, word)) {
            breaches
                .push(Breach::new(&source, format!("`{word}` is explained neither in {}", DOCUMENTS.join(" nor in "))));
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
