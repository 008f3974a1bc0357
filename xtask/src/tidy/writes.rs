//! Rule: files are written by `harness-files` alone, which follows no link and uses no name that can be guessed. Elsewhere the calls of the
//! standard library that write, rename or make files are refused, tests and developer tasks aside, and files of the kernel below `/proc`.

use super::{Breach, File, sources::without_tests};

/// What writes a file, or makes one, by its path.
const CALLS: &[&str] =
    &["fs::write(", "fs::rename(", "fs::copy(", "fs::hard_link(", "File::create(", ".create(true)", ".truncate(true)"];
/// Whose business it is, and who writes for nobody but a developer.
const ELSEWHERE: &[&str] = &["harness-core/files/", "xtask/", "fuzz/", "plugins/faulty/"];
/// Files that write by themselves, and why that harms nobody.
const REASONS: &[(&str, &str)] = &[
    ("src/lock.rs", "locks have no content that decides anything, and are opened without following links"),
    (
        "harness-bench/tasks/src/workspace/setup_files.rs",
        "fills a new folder with a random name, before anything runs in it",
    ),
    (
        "harness-bench/download/src/part.rs",
        "resumes in the user's cache, through no link and under a lock; kept if the digest is right",
    ),
    (
        "harness-bench/download/src/wheel.rs",
        "moves what it unpacked in a new folder with a random name, in the user's cache",
    ),
];

/// Every Rust file of the program.
pub fn check(files: &[File]) -> Vec<Breach> {
    let rust = files.iter().filter(|file| file.path.ends_with(".rs") && !is_elsewhere(&file.path));
    rust.flat_map(|file| breaches(file).into_iter().map(|what| Breach::new(&file.path, what))).collect()
}

fn is_elsewhere(path: &str) -> bool {
    let parts = ["/benches/", "/examples/", "/build.rs"];
    ELSEWHERE.iter().any(|folder| path.starts_with(folder))
        || REASONS.iter().any(|(file, _)| *file == path)
        || parts.iter().any(|part| format!("/{path}").contains(part))
}

fn breaches(file: &File) -> Vec<String> {
    let code = without_tests(file).lines().filter(|line| !line.trim_start().starts_with("//"));
    let kernel = |line: &str| line.contains("\"/proc/");
    let found = code.filter(|line| !kernel(line)).filter_map(|line| CALLS.iter().find(|call| line.contains(**call)));
    found
        .map(|call| {
            format!(
                "`{call}`: files are written by harness-files, through no link and under no name that can be guessed"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_in_one_place() {
        for (path, text, expected) in [
            ("a/src/lib.rs", "//! A.\nfn a() { std::fs::write(p, t) }\n", 1),
            ("a/src/lib.rs", "//! A.\nfn a() { File::create(p); fs::rename(p, q) }\n", 1),
            ("a/src/lib.rs", "//! A.\nfn a() {\n    File::create(p);\n    fs::rename(p, q)\n}\n", 2),
            ("a/src/lib.rs", "//! A.\n// as std::fs::write( does\nfn a() { fs::write(\"/proc/self/x\", t) }\n", 0),
            ("a/src/lib.rs", "//! A.\n#[cfg(test)]\nmod tests { fn a() { fs::write(p, t) } }\n", 0),
            ("a/tests/it.rs", "//! A.\nfn a() { fs::write(p, t) }\n", 0),
            ("harness-core/files/src/lib.rs", "//! A.\nfn a() { fs::write(p, t) }\n", 0),
        ] {
            let files = [File { path: path.into(), text: text.into() }];
            assert_eq!(check(&files).len(), expected, "{path}: {text}");
        }
    }
}
