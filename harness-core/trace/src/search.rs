//! Words in episodes: every entry is read and its text looked through. Needs no index and so misses nothing, whatever version wrote
//! the record; a million steps take seconds.

use harness_abi::{Message, Part};

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
    pub fn search(&self, filter: &Filter, words: &str, most: usize) -> Result<Vec<Hit>, TraceError> {
        let words = words.to_lowercase();
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

/// What may be searched of an entry.
fn texts(entry: &Entry) -> Vec<String> {
    match entry {
        Entry::Message { message } => spoken(message),
        Entry::Edited { with, .. } => with.iter().flat_map(spoken).collect(),
        Entry::System { text } => vec![text.clone()],
        Entry::Decided { module, decisions, .. } => vec![format!("{module} {decisions}")],
        Entry::Tool { name, arguments, .. } => vec![format!("{name} {arguments}")],
        Entry::Observed { observation } => vec![observation.text.clone()],
        Entry::Fault { module, class, message, .. } => vec![format!("{module} {class} {message}")],
        Entry::Chat { .. } | Entry::Score { .. } | Entry::Adapted { .. } => Vec::new(),
    }
}

fn spoken(message: &Message) -> Vec<String> {
    let text = |part: &Part| match part {
        Part::Text { text } | Part::Reasoning { text } | Part::ToolResult { text, .. } => Some(text.to_string()),
        Part::ToolCall { name, arguments, .. } => Some(format!("{name} {arguments}")),
        _ => None,
    };
    message.known_parts().filter_map(text).collect()
}

/// The words with what stands around them, on one line; `None` where they do not stand.
fn excerpt(text: &str, words: &str) -> Option<String> {
    let lower: Vec<char> = text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect();
    let words: Vec<char> = words.chars().collect();
    if words.is_empty() || lower.len() < words.len() {
        return None;
    }
    let at = lower.windows(words.len()).position(|window| window == words)?;
    let (from, to) = (at.saturating_sub(AROUND), (at + words.len() + AROUND).min(lower.len()));
    let cut: String = text.chars().skip(from).take(to - from).collect();
    let line = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, after) = (if from > 0 { "…" } else { "" }, if to < lower.len() { "…" } else { "" });
    Some(format!("{before}{line}{after}"))
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn words_are_found_in_any_case_and_shown_in_theirs() {
        assert_eq!(excerpt("The Apple\n falls.", "apple").as_deref(), Some("The Apple falls."));
        let long = format!("{}ÄPFEL{}", "x".repeat(100), "y".repeat(100));
        let found = excerpt(&long, "äpfel").unwrap_or_default();
        assert!(found.starts_with("…x") && found.contains("ÄPFEL") && found.ends_with("y…"), "{found}");
        assert_eq!(excerpt("abc", "abcd"), None);
        assert_eq!(excerpt("abc", ""), None);
    }
}
