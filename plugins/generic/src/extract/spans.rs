//! The spans of a request that could be somebody's argument: quoted text, numbers, lists, dates, addresses of the net, names, phrases.

use serde_json::Value;

use super::dates::{self, Day};
use super::numbers::{number, scale, scaled};

/// What a span looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text in quotation marks.
    Quoted,
    /// A number.
    Number(Value),
    /// A list in brackets.
    List(Vec<Value>),
    /// A date, with the day where it is one of the calendar.
    Date(Option<Day>),
    /// A mail or web address.
    Address,
    /// A run of capitalised words.
    Name,
    /// Words after a preposition, up to the next.
    Phrase,
}

/// A span, by its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// First word.
    pub start: usize,
    /// One past the last word.
    pub end: usize,
    /// What it looks like.
    pub kind: Kind,
    /// What it says.
    pub text: String,
}

/// A word of the request.
#[derive(Debug, Clone)]
pub struct Word<'a> {
    /// Without punctuation around it.
    pub text: &'a str,
    /// As it stands.
    whole: &'a str,
    /// Whether punctuation ends a phrase behind it.
    stop: bool,
    /// Whether it ends a sentence.
    full_stop: bool,
}

impl Word<'_> {
    /// Whether punctuation ends a phrase behind it.
    pub const fn ends_phrase(&self) -> bool {
        self.stop
    }
}

const PREPOSITIONS: [&str; 26] = [
    "in", "at", "to", "from", "for", "of", "on", "with", "about", "by", "named", "called", "titled", "near", "into",
    "using", "as", "and", "or", "between", "is", "are", "that", "which", "after", "before",
];
const OPENERS: [&str; 40] = [
    "a",
    "an",
    "the",
    "i",
    "i'm",
    "i'd",
    "i'll",
    "can",
    "could",
    "would",
    "will",
    "please",
    "what",
    "what's",
    "which",
    "who",
    "when",
    "where",
    "how",
    "why",
    "is",
    "are",
    "do",
    "does",
    "find",
    "get",
    "give",
    "show",
    "tell",
    "calculate",
    "compute",
    "help",
    "let",
    "my",
    "we",
    "you",
    "book",
    "search",
    "if",
    "also",
];

/// The words of `text`.
pub fn words(text: &str) -> Vec<Word<'_>> {
    text.split_whitespace()
        .map(|whole| {
            let front = whole.trim_start_matches(['(', '[', '{', '"', '\'', '“', '‘', '<', '`']);
            let bare =
                front.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '"', '\'', '”', '’', '>', '`']);
            let bare = bare.strip_suffix("'s").or_else(|| bare.strip_suffix("’s")).unwrap_or(bare);
            let tail = &front[bare.len()..];
            Word {
                text: bare,
                whole,
                stop: tail.contains([',', ';', ':', '.', '!', '?', ')']),
                full_stop: tail.contains(['.', '!', '?']),
            }
        })
        .collect()
}

/// All spans of `words`; they may overlap.
pub fn spans(words: &[Word<'_>]) -> Vec<Span> {
    let mut all = quoted(words);
    all.extend(lists(words));
    let mut at = 0;
    while at < words.len() {
        if let Some(list) =
            all.iter().find(|span| matches!(span.kind, Kind::List(_)) && span.start <= at && at < span.end)
        {
            at = list.end;
            continue;
        }
        match date(words, at).or_else(|| figure(words, at)).or_else(|| address(words, at)) {
            Some(span) => {
                at = span.end;
                all.push(span);
            }
            None => at += 1,
        }
    }
    all.extend(names(words));
    all.extend(phrases(words));
    all
}

fn join(words: &[Word<'_>]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let last = index + 1 == words.len();
        text.push_str(word.text);
        if !last {
            text.push_str(if word.whole.ends_with(',') { ", " } else { " " });
        }
    }
    text
}

fn quoted(words: &[Word<'_>]) -> Vec<Span> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let close = match words[at].whole.chars().find(|c| !matches!(c, '(' | '[')) {
            Some('"') => '"',
            Some('\'') => '\'',
            Some('“') => '”',
            Some('‘') => '’',
            Some('`') => '`',
            _ => {
                at += 1;
                continue;
            }
        };
        let ends =
            |word: &Word<'_>| word.whole.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']']).ends_with(close);
        let single = |word: &Word<'_>| {
            word.whole.chars().filter(|c| *c == close).count() > 1 || close != word.whole.chars().next().unwrap_or(' ')
        };
        let end = (at..words.len()).find(|index| ends(&words[*index]) && (*index > at || single(&words[at])));
        match end {
            Some(end) => {
                found.push(Span { start: at, end: end + 1, kind: Kind::Quoted, text: join(&words[at..=end]) });
                at = end + 1;
            }
            None => at += 1,
        }
    }
    found
}

/// Lists in brackets; in parentheses, or joined by commas alone, only of numbers: `(3, 4)`, `46.6,1.88`.
fn lists(words: &[Word<'_>]) -> Vec<Span> {
    let (mut found, mut start) = (Vec::new(), 0);
    while start < words.len() {
        let span =
            ['[', '('].into_iter().find_map(|open| bracketed(words, start, open)).or_else(|| joined(words, start));
        start = span.as_ref().map_or(start + 1, |span| span.end);
        found.extend(span);
    }
    found
}

fn bracketed(words: &[Word<'_>], start: usize, open: char) -> Option<Span> {
    const LONGEST: usize = 64;
    let close = if open == '[' { ']' } else { ')' };
    let (_, first) = words[start].whole.split_once(open)?;
    let end = (start..words.len().min(start + LONGEST)).find(|index| words[*index].whole.contains(close))?;
    let rest = words[start + 1..=end].iter().map(|word| word.whole);
    let text = [first].into_iter().chain(rest).collect::<Vec<_>>().join(" ");
    let inner = text.split(close).next().unwrap_or_default();
    let items = items(inner);
    let numbers = items.len() > 1 && items.iter().all(Value::is_number);
    (open == '[' || numbers).then_some(Span { start, end: end + 1, kind: Kind::List(items), text: inner.to_owned() })
}

fn joined(words: &[Word<'_>], at: usize) -> Option<Span> {
    let text = words[at].text;
    let items = items(text);
    let point = items.len() > 1 && items.iter().all(Value::is_number) && text.contains('.');
    point.then(|| Span { start: at, end: at + 1, kind: Kind::List(items), text: text.to_owned() })
}

fn items(text: &str) -> Vec<Value> {
    let item = |item: &str| {
        let item = item.trim().trim_matches(['"', '\'']);
        number(item).unwrap_or_else(|| Value::String(item.to_owned()))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(item).collect()
}

fn date(words: &[Word<'_>], at: usize) -> Option<Span> {
    let text = |index: usize| words.get(index).map(|word| word.text);
    let span = |end: usize, day| Some(Span { start: at, end, kind: Kind::Date(day), text: join(&words[at..end]) });
    let first = text(at)?;
    let year = |index| text(index).and_then(dates::ordinal).filter(|year| (1000..3000).contains(year));
    if let Some(day) = dates::numeric(first) {
        return span(at + 1, Some(day));
    }
    if dates::is_time(first) {
        return span(at + 1, None);
    }
    if dates::ordinal(first).is_some()
        && text(at + 1).is_some_and(|next| matches!(next.to_lowercase().as_str(), "am" | "pm" | "a.m" | "p.m"))
    {
        return span(at + 2, None);
    }
    let day_of = |index| text(index).and_then(dates::ordinal).filter(|day| (1..=31).contains(day));
    // `May 1st, 2024`; a capital letter, since "may" and "march" are words as well.
    if let Some(month) = dates::month(first).filter(|_| first.starts_with(char::is_uppercase)) {
        if let Some(day) = day_of(at + 1) {
            let year = year(at + 2);
            let end = at + 2 + usize::from(year.is_some());
            return span(end, Some(Day { year: year.unwrap_or(0), month, day }));
        }
        if year(at + 1).is_some() {
            return span(at + 2, None);
        }
    }
    if let Some(day) = day_of(at) {
        let skip = usize::from(text(at + 1) == Some("of"));
        if let Some(month) = text(at + 1 + skip).and_then(dates::month) {
            let year = year(at + 2 + skip);
            let end = at + 2 + skip + usize::from(year.is_some());
            return span(end, Some(Day { year: year.unwrap_or(0), month, day }));
        }
    }
    matches!(first.to_lowercase().as_str(), "today" | "tomorrow" | "tonight" | "yesterday")
        .then(|| span(at + 1, None))
        .flatten()
}

fn figure(words: &[Word<'_>], at: usize) -> Option<Span> {
    let mut value = number(words[at].text)?;
    let mut end = at + 1;
    while let Some(factor) = words.get(end).and_then(|word| scale(word.text)).filter(|_| !words[end - 1].stop) {
        value = scaled(&value, factor);
        end += 1;
    }
    Some(Span { start: at, end, kind: Kind::Number(value), text: join(&words[at..end]) })
}

fn address(words: &[Word<'_>], at: usize) -> Option<Span> {
    let text = words[at].text;
    let mail = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    let web = text.starts_with("http://") || text.starts_with("https://") || text.starts_with("www.");
    (mail || web).then(|| Span { start: at, end: at + 1, kind: Kind::Address, text: text.to_owned() })
}

fn names(words: &[Word<'_>]) -> Vec<Span> {
    let capital = |word: &Word<'_>| word.text.starts_with(char::is_uppercase);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let opens = at == 0 || words[at - 1].full_stop;
        let opener = OPENERS.contains(&words[at].text.to_lowercase().as_str());
        if !capital(&words[at]) || (opener && (opens || words[at].text.chars().count() < 3)) {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while let Some(word) = words.get(end) {
            let before = &words[end - 1];
            // `Boston, MA` and `Paris, France` are one name where a comma joins them; so is `Bank of England`.
            let region = before.whole.ends_with(',')
                && capital(word)
                && words.get(end + 1).is_none_or(|_| word.text.chars().count() == 2);
            let inner = matches!(word.text, "of" | "de" | "la" | "du" | "von")
                && !before.stop
                && words.get(end + 1).is_some_and(&capital);
            if inner {
                end += 2;
            } else if (capital(word) && !before.stop) || region {
                end += 1;
            } else {
                break;
            }
        }
        found.push(Span { start: at, end, kind: Kind::Name, text: join(&words[at..end]) });
        at = end;
    }
    found
}

fn phrases(words: &[Word<'_>]) -> Vec<Span> {
    const LONGEST: usize = 6;
    let mut found = Vec::new();
    let preposition = |word: &Word<'_>| PREPOSITIONS.contains(&word.text.to_lowercase().as_str());
    for at in 1..words.len() {
        if !preposition(&words[at - 1]) || words[at - 1].stop {
            continue;
        }
        let article =
            |index: usize| words.get(index).is_some_and(|word| matches!(word.text, "a" | "an" | "the" | "my" | "some"));
        let start = at + usize::from(article(at));
        let mut end = start;
        while end < words.len() && end < start + LONGEST && !preposition(&words[end]) {
            end += 1;
            if words[end - 1].stop {
                break;
            }
        }
        if end > start {
            found.push(Span { start, end, kind: Kind::Phrase, text: join(&words[start..end]) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_spans() {
        let text = "Book 2 seats from New York to Boston, MA on May 3rd, 2024 at 5pm for \"The Big One\" with [1, 2.5] to a@b.org";
        let words = words(text);
        let found: Vec<String> =
            spans(&words).into_iter().filter(|span| span.kind != Kind::Phrase).map(|span| span.text).collect();
        for expected in ["2", "New York", "Boston, MA", "May 3rd, 2024", "5pm", "The Big One", "a@b.org", "1, 2.5"] {
            assert!(found.iter().any(|text| text == expected), "{expected} in {found:?}");
        }
        assert!(!found.iter().any(|text| text == "Book"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[A-Za-z0-9 ,.'\"“”\\[\\]:@/$%é-]{0,80}") {
            let words = words(&text);
            for span in spans(&words) {
                proptest::prop_assert!(span.start < span.end && span.end <= words.len());
            }
        }
    }
}
