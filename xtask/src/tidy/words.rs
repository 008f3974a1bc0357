//! One thing, one word: synonyms that `docs/glossary.md` forbids stand nowhere in code, comments or documents.
//!
//! The rule is the last table of that page: the word, what to say, and the paths where it may stand all the same.

use super::{Breach, File};

const GLOSSARY: &str = "docs/glossary.md";

/// Texts that are not ours to change: what was said at the time, and what a run wrote.
const NOT_LOOKED_AT: [&str; 3] = [GLOSSARY, "CHANGELOG.md", "docs/results/"];

/// A row of the table.
struct Rule<'a> {
    word: &'a str,
    say: &'a str,
    except: Vec<&'a str>,
}

/// Every Rust file and document against the glossary.
pub fn check(files: &[File]) -> Vec<Breach> {
    let Some(glossary) = files.iter().find(|file| file.path == GLOSSARY) else {
        return vec![Breach::new(GLOSSARY, "is not there; it says which words are used")];
    };
    let rules = rules(&glossary.text);
    if rules.is_empty() {
        return vec![Breach::new(GLOSSARY, "has no table of words that are not used: `| not | say | except in |`")];
    }
    let looked_at = files.iter().filter(|file| {
        (file.path.ends_with(".rs") || file.path.ends_with(".md"))
            && !NOT_LOOKED_AT.iter().any(|path| file.path.starts_with(path))
    });
    looked_at.flat_map(|file| breaches(file, &rules)).collect()
}

fn rules(glossary: &str) -> Vec<Rule<'_>> {
    let rows = glossary.lines().skip_while(|line| !line.starts_with("| not |")).skip(2);
    let cells = rows.map_while(|row| row.strip_prefix('|')?.strip_suffix('|'));
    cells
        .filter_map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let (word, say) = (cells.next()?, cells.next()?);
            let except = cells.next().unwrap_or_default().split(", ").filter(|path| !path.is_empty()).collect();
            Some(Rule { word, say, except })
        })
        .collect()
}

fn breaches(file: &File, rules: &[Rule<'_>]) -> Vec<Breach> {
    let rules: Vec<&Rule<'_>> =
        rules.iter().filter(|rule| !rule.except.iter().any(|path| file.path.starts_with(path))).collect();
    let mut found = Vec::new();
    let mut look = |place: String, text: &str| {
        for word in words(text) {
            if let Some(rule) = rules.iter().find(|rule| is(&word, rule.word)) {
                found.push(Breach::new(&place, format!("`{word}`: say {} (docs/glossary.md)", rule.say)));
            }
        }
    };
    look(file.path.clone(), &file.path);
    for (number, line) in file.text.lines().enumerate() {
        look(format!("{}:{}", file.path, number + 1), line);
    }
    found
}

/// A word or its plural.
fn is(word: &str, rule: &str) -> bool {
    word == rule || (rule.len() > 3 && word.strip_suffix('s') == Some(rule))
}

/// The words of a text in lower case, those of `snake_case` and `CamelCase` names one by one.
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut before) = (Vec::new(), String::new(), ' ');
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins = letter.is_uppercase()
            && (before.is_lowercase()
                || before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase()));
        if !letter.is_alphabetic() || begins {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "| not | say | except in |\n|---|---|---|\n| fnord | thing | |\n| blorb | they | a/old.rs |\n\nend | x |\n";

    #[test]
    fn synonyms_are_found_wherever_they_stand() {
        for (path, text, expected) in [
            ("a/b.rs", "//! A fnordic thing, blorbing.\n", 0),
            ("a/b.rs", "//! The fnord.\n", 1),
            ("a/b.rs", "struct OpenFnord;\nfn take_fnords() {}\n", 2),
            ("a/fnord.rs", "", 1),
            ("a/b.md", "as blorb said\n", 1),
            ("a/old.rs", "as blorb said in the fnord\n", 1),
            ("a/b.toml", "fnord = 1\n", 0),
            ("CHANGELOG.md", "fnord\n", 0),
        ] {
            let files =
                [File { path: GLOSSARY.into(), text: TABLE.into() }, File { path: path.into(), text: text.into() }];
            assert_eq!(check(&files).len(), expected, "{path}: {text}");
        }
    }

    #[test]
    fn a_glossary_without_rules_is_a_breach() {
        assert_eq!(check(&[]).len(), 1);
        assert_eq!(check(&[File { path: GLOSSARY.into(), text: "words\n".into() }]).len(), 1);
    }
}
