//! The command line: as the record keeps it, and numbers of options within what can be run. Arguments are what the system gave, UTF-8
//! or not; nothing here panics on them.

use std::{ffi::OsStr, fmt::Write as _, os::unix::ffi::OsStrExt, str::FromStr};

/// Most things at a time: episodes, connections.
const AT_ONCE: usize = 100_000;
/// Most seconds of an option: a year.
const SECONDS: u64 = 366 * 24 * 3600;
/// Most bytes of a request.
const BYTES: usize = 1 << 30;

/// So many at a time.
///
/// # Errors
///
/// If it is no number from 1 to 100,000.
pub fn at_once(text: &str) -> Result<usize, String> {
    within(text, 1, AT_ONCE)
}

/// Seconds.
///
/// # Errors
///
/// If it is no number of seconds up to a year.
pub fn seconds(text: &str) -> Result<u64, String> {
    within(text, 0, SECONDS)
}

/// Bytes of a request.
///
/// # Errors
///
/// If it is no number from 1 to 1 GiB.
pub fn bytes(text: &str) -> Result<usize, String> {
    within(text, 1, BYTES)
}

/// Minutes.
///
/// # Errors
///
/// If it is no number above 0, up to a year.
pub fn minutes(text: &str) -> Result<f64, String> {
    let most = SECONDS as f64 / 60.0;
    let number = finite(text)?;
    if number > 0.0 && number <= most { Ok(number) } else { Err(format!("not above 0 and at most {most}")) }
}

/// A number: no infinity, and not the one that is none.
///
/// # Errors
///
/// If it is none.
pub fn finite(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() { Ok(number) } else { Err("not a finite number".to_owned()) }
}

fn within<T: FromStr + PartialOrd + std::fmt::Display>(text: &str, least: T, most: T) -> Result<T, String> {
    let wrong = || format!("not a whole number from {least} to {most}");
    text.parse().ok().filter(|number| *number >= least && *number <= most).ok_or_else(wrong)
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
    fn numbers_are_what_can_be_run() {
        for (text, right) in
            [("1", true), ("100000", true), ("0", false), ("100001", false), ("-1", false), ("x", false)]
        {
            assert_eq!(at_once(text).is_ok(), right, "{text}");
        }
        for (text, right) in
            [("0.5", true), ("60", true), ("0", false), ("-1", false), ("inf", false), ("NaN", false), ("1e300", false)]
        {
            assert_eq!(minutes(text).is_ok(), right, "{text}");
        }
        assert!(seconds("18446744073709551615").is_err() && seconds("0").is_ok() && bytes("0").is_err());
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
