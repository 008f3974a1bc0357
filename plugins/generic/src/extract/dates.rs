//! Dates and times of day as people write them, and the form a parameter asks for.

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A day of the calendar; not checked against the month's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The year; 0 when it was not said.
    pub year: u32,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

/// The month of a name or its first three letters.
pub fn month(word: &str) -> Option<u32> {
    let word = word.trim_end_matches('.').to_lowercase();
    let index = MONTHS
        .iter()
        .position(|name| *name == word || (word.len() >= 3 && word.len() <= 4 && name.starts_with(&word)))?;
    u32::try_from(index + 1).ok()
}

/// `2024-05-01`, `2024/05/01` or `05/01/2024` (month first).
pub fn numeric(word: &str) -> Option<Day> {
    let separator = if word.contains('/') { '/' } else { '-' };
    let parts: Vec<u32> = word.split(separator).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [a, b, c] = parts[..] else { return None };
    let day = if a > 999 { Day { year: a, month: b, day: c } } else { Day { year: c, month: a, day: b } };
    (day.year > 999 && (1..=12).contains(&day.month) && (1..=31).contains(&day.day)).then_some(day)
}

/// A day of the month or a year: `3`, `3rd`, `2024`.
pub fn ordinal(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| c.is_alphabetic());
    let ending = &word[digits.len()..];
    matches!(ending, "" | "st" | "nd" | "rd" | "th").then(|| digits.parse().ok()).flatten()
}

/// Whether `word` is a time of day: `10:30`, `5pm`.
pub fn is_time(word: &str) -> bool {
    let lower = word.to_lowercase();
    let figure = lower.strip_suffix("am").or_else(|| lower.strip_suffix("pm")).unwrap_or(&lower);
    let mut parts = figure.split(':');
    let whole =
        parts.clone().all(|part| !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
    whole && (figure.contains(':') || figure.len() < lower.len()) && parts.next().is_some()
}

impl Day {
    /// The day in the form that `wish`, a parameter's description, spells out; `None` when it spells out none or the year is missing.
    pub fn formatted(self, wish: &str) -> Option<String> {
        let Self { year, month, day } = self;
        let wish = wish.to_lowercase();
        if year == 0 {
            return None;
        }
        if wish.contains("yyyy-mm-dd") || wish.contains("iso") {
            return Some(format!("{year:04}-{month:02}-{day:02}"));
        }
        if wish.contains("mm/dd/yyyy") {
            return Some(format!("{month:02}/{day:02}/{year:04}"));
        }
        wish.contains("dd/mm/yyyy").then(|| format!("{day:02}/{month:02}/{year:04}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_days() {
        let day = Day { year: 2024, month: 5, day: 1 };
        assert_eq!([numeric("2024-05-01"), numeric("05/01/2024")], [Some(day), Some(day)]);
        assert_eq!([numeric("2024-13-01"), numeric("1-2"), numeric("x/y/z")], [None, None, None]);
        assert_eq!([month("May"), month("Sept."), month("ma"), month("marching")], [Some(5), Some(9), None, None]);
        assert_eq!(day.formatted("in the format MM/DD/YYYY"), Some("05/01/2024".into()));
        assert_eq!(day.formatted("the date"), None);
        assert!(is_time("10:30") && is_time("5pm") && !is_time("5") && !is_time("pm") && !is_time("a:b"));
    }
}
