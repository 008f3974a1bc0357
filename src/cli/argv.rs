//! The command line as the record keeps it, and options that are finite numbers. Arguments are what the system gave, UTF-8 or not;
//! nothing here panics on them.

use std::{ffi::OsStr, fmt::Write as _, os::unix::ffi::OsStrExt};

/// A number: no infinity, and not the one that is none.
///
/// # Errors
///
/// If it is none.
pub fn finite(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() { Ok(number) } else { Err("not a finite number".to_owned()) }
}

/// The command line as a shell would read it again: words as they are where they can be, quoted where they must.
pub fn command_line() -> String {
    std::env::args_os().map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%^".contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Some(text) if !text.contains(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let mut text = "$'".to_owned();
            for chunk in word.as_bytes().utf8_chunks() {
                for c in chunk.valid().chars() {
                    match c {
                        '\'' | '\\' => text.extend(['\\', c]),
                        '\n' => text.push_str("\\n"),
                        c if c.is_ascii_control() => drop(write!(text, "\\x{:02x}", u32::from(c))),
                        c => text.push(c),
                    }
                }
                for byte in chunk.invalid() {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
            text.push('\'');
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_finite() {
        assert!(finite("-1").is_ok() && finite("nan").is_err());
    }

    #[test]
    fn a_shell_reads_the_same_words() {
        for (word, expected) in [
            (&b"--model=openai:gpt-4o"[..], "--model=openai:gpt-4o"),
            (b"", "''"),
            (b"two words", "'two words'"),
            (b"it's", r"'it'\''s'"),
            (b"caf\xe9.toml", r"$'caf\xe9.toml'"),
            (b"a\n\x1b'\\", r"$'a\n\x1b\'\\'"),
            ("ähre".as_bytes(), "ähre"),
        ] {
            assert_eq!(quoted(OsStr::from_bytes(word)), expected);
            let echoed = std::process::Command::new("bash")
                .arg("-c")
                .arg(format!("printf %s {}", quoted(OsStr::from_bytes(word))))
                .output();
            assert_eq!(echoed.unwrap().stdout, word, "{expected}");
        }
    }
}
