//! Rules for Rust files: what each opens with, how long it may be, and what only the plugin ABI may name.

use super::{Breach, File};

/// Past this a file is probably two concepts. Below it length is a question, and no reason to split one type over several files.
const LINES: usize = 700;

/// Every file of every crate.
pub fn check(files: &[File]) -> Vec<Breach> {
    let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
    rust.flat_map(|file| breaches(file).into_iter().map(|what| Breach::new(&file.path, what))).collect()
}

fn breaches(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    if !file.text.starts_with("//!") {
        found.push("open with `//!`: what this file is about".to_owned());
    }
    let lines = without_tests(file).lines().count();
    if lines > LINES {
        found.push(format!("{lines} lines without tests, more than {LINES}: this is two concepts"));
    }
    let abi = file.path.starts_with("harness-core/abi/") || file.path.starts_with("xtask/src/tidy/");
    if !abi && file.text.lines().any(names_abi_stable) {
        found.push("only harness-abi names abi_stable".to_owned());
    }
    found
}

/// Whether code, not prose, names the crate.
fn names_abi_stable(line: &str) -> bool {
    !line.trim_start().starts_with("//") && (line.contains("abi_stable::") || line.contains("abi_stable as"))
}

/// The part of a file before its test module; of a file of tests nothing.
fn without_tests(file: &File) -> &str {
    if file.path.contains("/tests/") || file.path.starts_with("tests/") || file.path.ends_with("/tests.rs") {
        return "";
    }
    file.text.find("#[cfg(test)]\nmod ").map_or(&*file.text, |at| &file.text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_a_file() {
        let long = format!("//! Long.\n{}", "fn a() {}\n".repeat(LINES));
        for (path, text, expected) in [
            ("a/src/lib.rs", "//! Says what it is.\n", 0),
            ("a/src/lib.rs", "fn main() {}\n", 1),
            ("a/src/lib.rs", &long, 1),
            ("a/tests/it.rs", &long, 0),
            ("a/src/lib.rs", "//! Of abi_stable::RVec.\n// and abi_stable:: again\n", 0),
            ("a/src/lib.rs", "//! Uses it.\nuse abi_stable::std_types::RVec;\n", 1),
            ("harness-core/abi/src/lib.rs", "//! The plugin ABI.\npub use abi_stable::std_types::RVec;\n", 0),
        ] {
            let file = File { path: path.into(), text: text.into() };
            assert_eq!(breaches(&file).len(), expected, "{path}: {}", &text[..text.len().min(40)]);
        }
    }
}
