//! Every public name is made of words that `docs/glossary.md` explains, or that it lists as plain words.
//!
//! Public names are the subcommands (`src/cli`), the types of the application (`src/app` and what `src/lib.rs` gives out), and the
//! types a crate's root gives out (`pub use`). A plain word that no name uses any more is a breach too.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, File, words::words};

const GLOSSARY: &str = "docs/glossary.md";
/// The heading over the plain words, and the one over the tables that explain nothing.
const PLAIN: &str = "## Plain words";
const END: &str = "## Words that are not used";
/// Endings that make another form of the same word.
const ENDINGS: [&str; 9] = ["s", "ing", "er", "ed", "e", "or", "y", "i", "ion"];

/// The names of all files against the glossary.
pub fn check(files: &[File]) -> Vec<Breach> {
    let glossary = files.iter().find(|file| file.path == GLOSSARY).map_or("", |file| &file.text);
    let Some((explained, plain)) = glossary.split_once(PLAIN).and_then(|(before, rest)| {
        let (plain, _) = rest.split_once(END)?;
        Some((terms(before), words(plain.split_once("\n\n")?.1.split_once(':')?.1)))
    }) else {
        return vec![Breach::new(
            GLOSSARY,
            format!("has no `{PLAIN}` before `{END}`; they are the other half of this rule"),
        )];
    };
    let plain: BTreeSet<String> = plain.into_iter().collect();
    let mut used = BTreeMap::new();
    for file in files {
        for name in names(file) {
            for word in words(&name).into_iter().filter(|word| word.len() > 1) {
                used.entry(word).or_insert_with(|| (file.path.clone(), name.clone()));
            }
        }
    }
    let plain_stems: BTreeSet<&str> = plain.iter().map(|word| stem(word)).collect();
    let used_stems: BTreeSet<&str> = used.keys().map(|word| stem(word)).collect();
    let is_explained = |word: &str| explained.contains(stem(word));
    let unknown = used.iter().filter(|(word, _)| !is_explained(word) && !plain_stems.contains(stem(word))).map(
        |(word, (path, name))| {
            Breach::new(
                path,
                format!("`{name}`: {GLOSSARY} explains no `{word}`; use its words, or give this one a row there"),
            )
        },
    );
    let idle = plain.iter().filter(|word| is_explained(word) || !used_stems.contains(stem(word)));
    let idle = idle.map(|word| {
        Breach::new(GLOSSARY, format!("plain word `{word}`: a table explains it, or no name has it; take it out"))
    });
    unknown.chain(idle).collect()
}

/// The stems of the words in the first column of the tables, and of those in *emphasis* in the others.
fn terms(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    rows.flat_map(|(term, meaning)| std::iter::once(term).chain(meaning.split('*').skip(1).step_by(2)))
        .flat_map(words)
        .map(|word| stem(&word).to_owned())
        .collect()
}

/// A word without its ending, so that its forms are equal.
fn stem(word: &str) -> &str {
    let mut stem = word;
    for ending in ENDINGS {
        stem = stem.strip_suffix(ending).filter(|rest| rest.len() > 2).unwrap_or(stem);
    }
    stem
}

/// The public names of a file.
fn names(file: &File) -> Vec<String> {
    let path = file.path.as_str();
    let templates = path.contains("/templates/");
    if let Some(command) = path.strip_prefix("src/cli/").and_then(|path| path.strip_suffix(".rs")) {
        return command.split('/').filter(|part| *part != "mod").map(str::to_owned).collect();
    }
    let ours = !path.starts_with("plugins/") && !path.starts_with("fuzz/") && !templates;
    if ours && path.ends_with("src/lib.rs") {
        return given_out(&file.text);
    }
    let application =
        path.starts_with("src/app/") || ["src/events.rs", "src/failure.rs", "src/workspace.rs"].contains(&path);
    if application && !templates { types(&file.text) } else { Vec::new() }
}

/// The types a file defines for others.
fn types(code: &str) -> Vec<String> {
    let defined = |line: &str| {
        let rest = ["pub struct ", "pub enum ", "pub trait "].iter().find_map(|start| line.strip_prefix(start))?;
        rest.split(|letter: char| !letter.is_alphanumeric()).next().map(str::to_owned)
    };
    code.lines().filter_map(defined).collect()
}

/// The types a crate's root gives out: names in `CamelCase` of `pub use …;`.
fn given_out(code: &str) -> Vec<String> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    let uses = code.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    // The types that abi_stable has in place of the standard library's keep its names.
    let uses = uses.filter(|list| !list.starts_with("abi_stable"));
    let names = uses.flat_map(|list| list.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')));
    let camel = |name: &&str| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    names.filter(camel).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "| word | means |\n|---|---|\n| fold | a share; opened by a *dealer* |\n\n## Plain words\n\nWords:\n\nnext\n\n\
                        ## Words that are not used\n";

    fn against(page: &str, path: &str, text: &str) -> Vec<Breach> {
        check(&[File { path: GLOSSARY.into(), text: page.into() }, File { path: path.into(), text: text.into() }])
    }

    #[test]
    fn a_name_is_made_of_words_that_are_explained_or_plain() {
        for (path, text, expected) in [
            ("a/src/lib.rs", "pub use x::{NextFold, fold_of};\n", 0),
            ("a/src/lib.rs", "// pub use NextThing;\npub use x::{\n    NextFolds,\n    Dealing,\n};\n", 0),
            ("a/src/lib.rs", "pub use x::NextThing;\n", 1),
            ("a/src/other.rs", "pub struct Thing;\npub use x::Next;", 1),
            ("src/app/next.rs", "pub struct NextThing {\n", 1),
            ("src/app/next.rs", "pub struct NextFold {\npub(crate) struct Thing {\n", 0),
            ("src/cli/next/thing.rs", "", 1),
            ("plugins/a/src/lib.rs", "pub use x::NextThing;\n", 1),
        ] {
            let found = against(PAGE, path, text);
            assert_eq!(found.len(), expected, "{path}: {text}\n{found:?}");
        }
    }

    #[test]
    fn a_plain_word_has_a_use_and_no_row() {
        let found = against(PAGE, "a/src/lib.rs", "pub use x::Fold;\n");
        assert!(found[0].what.contains("plain word `next`"), "{found:?}");
        let found = against(&PAGE.replace("next\n", "next fold\n"), "a/src/lib.rs", "pub use x::NextFold;\n");
        assert!(found[0].what.contains("plain word `fold`"), "{found:?}");
        assert_eq!(against("words\n", "a/src/lib.rs", "").len(), 1);
    }
}
