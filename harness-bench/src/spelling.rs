//! Other spellings of one answer: what models write in place of what stands in a table, and people read as the same. A grader that
//! fails them measures typography.

use harness_abi::Task;
use serde::Serialize;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::Finding;

/// Tasks whose known answer is played in one spelling.
const MOST: usize = 32;

/// What became of known answers in another spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spelling {
    /// Which one.
    pub name: &'static str,
    /// Known answers that look otherwise in it and were played.
    pub played: usize,
    /// Those of them that failed, though they pass as they stand.
    pub failed: Vec<Finding>,
}

/// A spelling: its name, and how a text is written in it; `None` where that would be another text.
type Way = (&'static str, fn(&str) -> Option<String>);

const WAYS: [Way; 7] = [
    ("with composed letters (NFC)", |text| Some(text.nfc().collect())),
    ("with decomposed letters (NFD)", |text| Some(text.nfd().collect())),
    ("with a typographer's minus sign (U+2212)", |text| number(text).then(|| text.replacen('-', "\u{2212}", 1))),
    ("with full-width digits", |text| number(text).then(|| text.chars().map(wide).collect())),
    ("with spaces that do not break (U+00A0)", |text| words(text).then(|| text.replace(' ', "\u{a0}"))),
    ("with a typographer's apostrophe (U+2019)", |text| words(text).then(|| text.replace('\'', "\u{2019}"))),
    ("with a space of no width (U+200B) after it", |text| words(text).then(|| format!("{text}\u{200b}"))),
];

fn number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// Whether it is nothing but words: what spaces and apostrophes are in other texts, such as JSON, is not theirs to choose.
fn words(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
        && text.chars().all(|c| c.is_alphanumeric() || is_combining_mark(c) || " '.,-".contains(c))
}

fn wide(c: char) -> char {
    match c {
        '0'..='9' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        other => other,
    }
}

/// Plays the known answer `text` of `task` in every spelling in which it looks otherwise; `passes` marks a reply.
pub(crate) fn play(all: &mut Vec<Spelling>, task: &Task, text: &str, passes: impl Fn(&str) -> Result<(), String>) {
    for (name, way) in WAYS {
        let Some(written) = way(text).filter(|written| written != text) else { continue };
        let at = all.iter().position(|one| one.name == name).unwrap_or_else(|| {
            all.push(Spelling { name, played: 0, failed: Vec::new() });
            all.len() - 1
        });
        let Some(spelling) = all.get_mut(at).filter(|spelling| spelling.played < MOST) else { continue };
        spelling.played += 1;
        if let Err(why) = passes(&written) {
            spelling.failed.push(Finding { task: task.id.clone(), why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_played_as_others_write_it() {
        let written = |text: &str| -> Vec<String> {
            WAYS.iter().filter_map(|(_, way)| way(text)).filter(|written| written != text).collect()
        };
        assert_eq!(written("-5"), ["\u{2212}5", "-５", "-5\u{200b}"]);
        assert_eq!(written("café"), ["cafe\u{301}", "café\u{200b}"]);
        assert_eq!(written("it's so"), ["it's\u{a0}so", "it\u{2019}s so", "it's so\u{200b}"]);
        assert_eq!(written("{\"é\": 1}"), ["{\"e\u{301}\": 1}"]);
        assert!(written("[ab]+").is_empty());
    }

    #[test]
    fn so_many_are_played_and_failures_are_kept() {
        let mut all = Vec::new();
        for n in 0..40 {
            let task = Task { id: n.to_string(), ..Task::default() };
            play(&mut all, &task, "-5", |reply| if reply.contains('\u{2212}') { Err("no".to_owned()) } else { Ok(()) });
        }
        let counts: Vec<(usize, usize)> = all.iter().map(|one| (one.played, one.failed.len())).collect();
        assert_eq!(counts, [(32, 32), (32, 0), (32, 0)]);
    }
}
