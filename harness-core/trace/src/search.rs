//! Words in episodes: every entry is read and its text looked through. Needs no index and so misses nothing, whatever version wrote
//! the record; a million steps take seconds.

use harness_abi::{Message, Part};
use unicode_normalization::UnicodeNormalization;

use crate::{Entry, EpisodeRow, Filter, Store, TraceError};

/// A place where words were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The episode.
    pub episode: EpisodeRow,
    /// The step; `None` where it is the task itself.
    pub step: Option<u64>,
    /// What kind of entry it is, as in the JSON export.
    pub kind: &'static str,
    /// What stands there, from a little before the words to a little after.
    pub excerpt: String,
}

/// Characters shown before and after.
const AROUND: usize = 60;

impl Store {
    /// At most `most` places, one for each step and kind, of the newest episodes first, at which `words` stand, in whatever case.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn search(&self, filter: &Filter, words: &str, most: usize) -> Result<Vec<Hit>, TraceError> {
        let words = wanted(words);
        let mut hits = Vec::new();
        for row in self.episodes(filter)?.into_iter().rev() {
            if hits.len() >= most {
                break;
            }
            if let Some(excerpt) = excerpt(&row.start.task, &words) {
                hits.push(Hit { episode: row.clone(), step: None, kind: "task", excerpt });
            }
            let mut last = None;
            for entry in self.entries(&row)? {
                let (step, entry) = entry?;
                let kind = entry.kind();
                if hits.len() >= most || last == Some((step, kind)) {
                    continue;
                }
                if let Some(excerpt) = texts(&entry).iter().find_map(|text| excerpt(text, &words)) {
                    last = Some((step, kind));
                    hits.push(Hit { episode: row.clone(), step: Some(step), kind, excerpt });
                }
            }
        }
        hits.truncate(most);
        Ok(hits)
    }
}

/// What is looked for.
fn wanted(words: &str) -> Vec<char> {
    folded(&words.trim().nfc().collect::<String>()).into_iter().map(|(c, _)| c).collect()
}

/// What may be searched of an entry.
fn texts(entry: &Entry) -> Vec<String> {
    match entry {
        Entry::Message { message } => words_of(message),
        Entry::Edited { with, .. } => with.iter().flat_map(words_of).collect(),
        Entry::System { text } => vec![text.clone()],
        Entry::Decided { module, decisions, .. } => vec![format!("{module} {decisions}")],
        Entry::Tool { name, arguments, .. } => vec![format!("{name} {arguments}")],
        Entry::Observed { observation } => vec![observation.text.clone()],
        Entry::Fault { module, class, message, .. } => vec![format!("{module} {class} {message}")],
        Entry::Chat { .. } | Entry::Score { .. } | Entry::Adapted { .. } => Vec::new(),
    }
}

fn words_of(message: &Message) -> Vec<String> {
    let text = |part: &Part| match part {
        Part::Text { text } | Part::Reasoning { text } | Part::ToolResult { text, .. } => Some(text.to_string()),
        Part::ToolCall { name, arguments, .. } => Some(format!("{name} {arguments}")),
        _ => None,
    };
    message.known_parts().filter_map(text).collect()
}

/// A text in which words are looked for: letters without case, width and the marks that stand above Latin, Greek and Cyrillic ones,
/// one space between words, and which character of the text each came from.
fn folded(text: &str) -> Vec<(char, usize)> {
    let mut folded: Vec<(char, usize)> = Vec::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        if c.is_whitespace() {
            if folded.last().is_some_and(|(last, _)| *last != ' ') {
                folded.push((' ', at));
            }
            continue;
        }
        if c.is_ascii() {
            folded.push((c.to_ascii_lowercase(), at));
            continue;
        }
        // Composed last, so that syllables of Hangul and kana are whole.
        let plain = std::iter::once(c).nfkd().filter(|c| !hidden(*c)).nfc();
        folded.extend(plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase).map(|c| (c, at)));
    }
    folded
}

/// Marks above and below letters, and characters that cannot be seen.
fn hidden(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The words with what stands around them, on one line; `None` where they do not stand.
fn excerpt(text: &str, words: &[char]) -> Option<String> {
    let text: String = text.nfc().collect();
    let within = folded(&text);
    if words.is_empty() || within.len() < words.len() {
        return None;
    }
    let found = within.windows(words.len()).find(|window| window.iter().map(|(c, _)| c).eq(words))?;
    let (first, last) = (found.first()?.1, found.last()?.1);
    let length = text.chars().count();
    let (from, to) = (first.saturating_sub(AROUND), (last + 1 + AROUND).min(length));
    let cut: String = text.chars().skip(from).take(to - from).collect();
    let line = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, after) = (if from > 0 { "…" } else { "" }, if to < length { "…" } else { "" });
    Some(format!("{before}{line}{after}"))
}

#[cfg(test)]
mod tests {
    fn excerpt(text: &str, words: &str) -> Option<String> {
        super::excerpt(text, &super::wanted(words))
    }

    #[test]
    fn words_are_found_in_any_case_and_shown_in_theirs() {
        assert_eq!(excerpt("The Apple\n falls.", "apple").as_deref(), Some("The Apple falls."));
        let long = format!("{}ÄPFEL{}", "x".repeat(100), "y".repeat(100));
        let found = excerpt(&long, "äpfel").unwrap_or_default();
        assert!(found.starts_with("…x") && found.contains("ÄPFEL") && found.ends_with("y…"), "{found}");
        assert_eq!(excerpt("abc", "abcd"), None);
        assert_eq!(excerpt("abc", ""), None);
    }

    #[test]
    fn words_are_found_in_every_spelling_and_script() {
        for (text, words) in [
            ("答えは東京です。", "東京"),
            ("the cafe\u{301} there", "café"),
            ("the café there", "CAFE"),
            ("Die STRASSE", "straße"),
            ("it falls\n  down", "falls down"),
            ("ＡＢＣ ｶﾀｶﾅ", "abc カ"),
            ("서울입니다", "서울"),
            ("\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}", "서울"),
            ("हिन्दी", "हिन्दी"),
            ("zero\u{200b}width", "zerowidth"),
            ("İzmir", "izmir"),
        ] {
            assert!(excerpt(text, words).is_some(), "{words} in {text}");
        }
        assert_eq!(excerpt("がく", "か"), None, "nor is another syllable");
        assert_eq!(excerpt("हिन्दी", "हिनदी"), None, "a sign that is a letter is none of those left out");
    }
}
