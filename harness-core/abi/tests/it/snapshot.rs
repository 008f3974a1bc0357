//! A text per released version, `tests/KIND/VERSION.txt`: that of this version is equal to what is, and no older one is broken.
//!
//! `BLESS=1 cargo test -p harness-abi` writes the text of this version; it never touches one of another.

use std::path::{Path, PathBuf};

/// Compares `text` with the kept ones; `breaches` says what of an older text is broken by a newer.
pub fn check(kind: &str, text: &str, breaches: impl Fn(&str, &str) -> Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(kind);
    let current = folder.join(format!("{}.txt", harness_abi::ABI_VERSION));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&current, text).unwrap();
    }
    let mut kept: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    for path in &kept {
        let broken = breaches(&std::fs::read_to_string(path).unwrap(), text);
        assert!(broken.is_empty(), "{} is broken:\n  {}", path.display(), broken.join("\n  "));
    }
    let present = std::fs::read_to_string(&current).unwrap_or_default();
    assert!(
        present == text,
        "{} is not what is. If this version of harness-abi is released, give the crate its next minor version; then, or \
         if it is not, `BLESS=1 cargo test -p harness-abi` writes the text and `cargo xtask abi-fixture` the packs\n{}",
        current.display(),
        difference(&present, text),
    );
}

/// Lines of one that are not in the other.
fn difference(old: &str, new: &str) -> String {
    let less = old.lines().filter(|line| !new.lines().any(|other| other == *line)).map(|line| format!("- {line}\n"));
    let more = new.lines().filter(|line| !old.lines().any(|other| other == *line)).map(|line| format!("+ {line}\n"));
    less.chain(more).collect()
}
