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
    found.extend(outside(file));
    found
}

/// Where a program may write to its standard streams itself: here they are written, and programs that are no part of the product.
const MAY_PRINT: [&str; 3] = ["harness-core/terminal/src/stream.rs", "xtask/", "fuzz/"];
/// What panics where a stream is closed or full, or an argument is not UTF-8, or what lets untrusted text through to a terminal; and
/// what to write instead.
const OUTSIDE: [(&str, &str); 10] = [
    ("print!(", "harness_terminal::stream writes to standard output"),
    ("println!(", "harness_terminal::stream writes to standard output"),
    ("eprint!(", "harness_terminal::stream writes to standard error"),
    ("eprintln!(", "harness_terminal::stream writes to standard error"),
    ("dbg!(", "harness_terminal::stream writes to standard error"),
    ("io::stdout()", "harness_terminal::stream writes to standard output"),
    ("io::stderr()", "harness_terminal::stream writes to standard error"),
    ("env::args()", "arguments need not be UTF-8: env::args_os"),
    ("env::vars()", "variables need not be UTF-8: env::vars_os"),
    ("clippy::print_", "this lint has no exceptions: harness_terminal::stream"),
];

/// What a file has to do with the world outside that has one place of its own.
fn outside(file: &File) -> Vec<String> {
    let apart = |path: &str| {
        MAY_PRINT.iter().any(|place| path.starts_with(place))
            || ["/benches/", "/examples/"].iter().any(|folder| format!("/{path}").contains(folder))
            || path == "build.rs"
            || path.ends_with("/build.rs")
    };
    if apart(&file.path) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for line in without_tests(file).lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (what, instead) in OUTSIDE {
            let mut places = line.match_indices(what).map(|(at, _)| at);
            // `print!(` is the end of `eprint!(` as well.
            if places.any(|at| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')) {
                found.push(format!("`{what}`: {instead}"));
            }
        }
    }
    found
}

/// Whether code, not prose, names the crate.
fn names_abi_stable(line: &str) -> bool {
    !line.trim_start().starts_with("//") && (line.contains("abi_stable::") || line.contains("abi_stable as"))
}

/// The part of a file before its test module; of a file of tests nothing.
pub(super) fn without_tests(file: &File) -> &str {
    if file.path.contains("/tests/") || file.path.starts_with("tests/") || file.path.ends_with("/tests.rs") {
        return "";
    }
    let begins = |module: &str| file.text.find(&format!("#[cfg(test)]\n{module}mod "));
    let at = ["", "pub(crate) ", "pub "].into_iter().filter_map(begins).min();
    at.map_or(&*file.text, |at| &file.text[..at])
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
            ("a/src/lib.rs", "//! Prints.\nfn a() { eprintln!(\"a\"); }\n", 1),
            ("a/src/lib.rs", "//! Prints.\nfn a() { std::io::stdout().flush(); }\n", 1),
            ("a/src/lib.rs", "//! Asks.\nfn a() { std::env::args().nth(1); }\n", 1),
            ("a/src/lib.rs", "//! Excuses itself.\n#[expect(clippy::print_stderr, reason = \"it\")]\n", 1),
            ("a/src/lib.rs", "//! Right.\n// println!(\nfn a() { std::env::args_os(); blueprint!(1); }\n", 0),
            ("a/src/lib.rs", "//! Tests.\n#[cfg(test)]\nmod tests { fn a() { println!(\"a\"); } }\n", 0),
            ("a/examples/b.rs", "//! Shows.\nfn main() { println!(\"a\"); }\n", 0),
            ("harness-core/terminal/src/stream.rs", "//! Here.\nfn a() { std::io::stdout(); }\n", 0),
        ] {
            let file = File { path: path.into(), text: text.into() };
            assert_eq!(breaches(&file).len(), expected, "{path}: {}", &text[..text.len().min(40)]);
        }
    }
}
