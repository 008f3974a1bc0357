//! Numbers as people write them in a sentence, in any script: `1,234.50`, `1 234,50`, `−3 × 10⁵`, `٣٫١٤`, `.5`, `12%`. A comma before
//! exactly three digits parts thousands, before any other number of digits it is the decimal comma; what is neither, such as
//! `1,2,3`, is several numbers.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::{
    decimal::Decimal,
    text::{digit, invisible, unspaced},
};

/// The largest power of ten that is told from larger ones.
const POWER: i64 = 1 << 50;

/// Groups of digits that are looked at as one number.
const MOST_GROUPS: usize = 64;

/// What stands between digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    /// `.`, `٫`
    Point,
    /// `,`
    Comma,
    /// `，`: parts thousands or items of a list, never a fraction
    WideComma,
    /// `'`, `_`, `٬` and spaces that do not break: they part thousands
    Group,
    /// An ordinary space: parts thousands, or words
    Space,
}

fn between(c: char) -> Option<Between> {
    Some(match c {
        '.' | '\u{66b}' | '．' => Between::Point,
        ',' => Between::Comma,
        '，' => Between::WideComma,
        '\'' | '’' | '_' | '\u{66c}' | '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' => Between::Group,
        ' ' => Between::Space,
        _ => return None,
    })
}

/// The last number in `text`.
pub(crate) fn last(text: &str) -> Option<Decimal> {
    let text: Vec<char> = text.chars().filter(|c| !invisible(*c)).collect();
    let (mut at, mut found) = (0, None);
    while at < text.len() {
        if digit(text[at]).is_none() {
            at += 1;
            continue;
        }
        let (number, end) = read(&text, at);
        (at, found) = (end, Some(number));
    }
    found
}

/// Reads the last number of a run of digits and what stands between them, which begins at `start`; gives where it ends.
fn read(text: &[char], start: usize) -> (Decimal, usize) {
    let at = |index: usize| text.get(index).copied();
    let (mut groups, mut gaps, mut end) = (vec![Vec::new()], Vec::new(), start);
    loop {
        if let Some(value) = at(end).and_then(digit) {
            groups.last_mut().into_iter().for_each(|group: &mut Vec<u8>| group.push(value));
            end += 1;
            continue;
        }
        match at(end).and_then(between) {
            Some(gap) if at(end + 1).and_then(digit).is_some() => gaps.push(gap),
            _ => break,
        }
        groups.push(Vec::new());
        end += 1;
    }
    let before = start.checked_sub(1).and_then(at);
    let in_brackets = before.is_some_and(|c| "([{（［".contains(c)) && at(end).is_some_and(|c| ")]}）］".contains(c));
    let (from, whole, mut fraction) = split(&groups, &gaps, in_brackets);
    let mut whole = whole;
    let mut first = start;
    let point = before.and_then(between) == Some(Between::Point);
    if point && from == 0 && gaps.is_empty() {
        // `.5`, but not the end of `a.5` or of `...5`.
        let ahead = start.checked_sub(2).and_then(at);
        if !ahead.is_some_and(|c| c.is_alphanumeric() || between(c) == Some(Between::Point)) {
            (fraction, whole, first) = (whole, Vec::new(), start - 1);
        }
    }
    let negative = from == 0 && is_negative(text, first);
    let ten = fraction.is_empty() && whole == [1, 0];
    let (power, end) = match power_of_ten(text, end) {
        Some((power, end)) => (power, end),
        None => match raised(text, end).filter(|_| ten) {
            Some((power, end)) => {
                whole = vec![1];
                (power, end)
            }
            None => (0, end),
        },
    };
    (Decimal::new(negative, &whole, &fraction, power), end)
}

/// The last number in groups of digits: with which group it begins, its digits before the point and after it.
fn split(groups: &[Vec<u8>], gaps: &[Between], in_brackets: bool) -> (usize, Vec<u8>, Vec<u8>) {
    let starts = |kinds: &[Between]| {
        let kinds = kinds.to_vec();
        gaps.iter().enumerate().filter(move |(_, gap)| kinds.contains(gap)).map(|(at, _)| at + 1).collect::<Vec<_>>()
    };
    let mut tried = vec![0];
    tried.extend(starts(&[Between::Space]));
    tried.extend(starts(&[Between::Group]));
    tried.extend(starts(&[Between::Comma, Between::WideComma]).last());
    // A model that says `0 0 0 0 …` for ever says no number of so many groups.
    let first = groups.len().saturating_sub(MOST_GROUPS);
    let found = tried.into_iter().filter(|from| *from >= first).find_map(|from| {
        let (whole, fraction) = one(&groups[from..], &gaps[from..], in_brackets && from == 0)?;
        Some((from, whole, fraction))
    });
    let last = groups.len() - 1;
    found.unwrap_or_else(|| (last, groups[last].clone(), Vec::new()))
}

/// The one number that all these groups are, if they are one.
fn one(groups: &[Vec<u8>], gaps: &[Between], in_brackets: bool) -> Option<(Vec<u8>, Vec<u8>)> {
    let (last, front) = groups.split_last()?;
    let Some((gap, rest)) = gaps.split_last() else { return Some((last.clone(), Vec::new())) };
    let plain = |fraction: bool| {
        if fraction { (front.concat(), last.clone()) } else { (groups.concat(), Vec::new()) }
    };
    let Some(kind) = rest.first() else {
        // A single gap.
        return match gap {
            Between::Point => Some(plain(true)),
            _ if thousands(groups) => Some(plain(false)),
            // `(1,2)` is a pair.
            Between::Comma if !in_brackets => Some(plain(true)),
            _ => None,
        };
    };
    if rest.iter().any(|other| other != kind) {
        return None;
    }
    let grouped = |groups: &[Vec<u8>]| thousands(groups) || *kind == Between::Comma && lakhs(groups);
    match gap {
        gap if gap == kind => grouped(groups).then(|| plain(false)),
        Between::Point => grouped(front).then(|| plain(true)),
        Between::Comma if *kind != Between::WideComma => thousands(front).then(|| plain(true)),
        _ => None,
    }
}

/// Groups of three after one of one to three that does not begin with 0.
fn thousands(groups: &[Vec<u8>]) -> bool {
    let Some((first, rest)) = groups.split_first() else { return false };
    first.len() <= 3 && first.first() != Some(&0) && rest.iter().all(|group| group.len() == 3)
}

/// As in India: `12,34,567`.
fn lakhs(groups: &[Vec<u8>]) -> bool {
    let [first, middle @ .., last] = groups else { return false };
    first.len() <= 2 && first.first() != Some(&0) && last.len() == 3 && middle.iter().all(|group| group.len() == 2)
}

/// The character that is always a minus sign.
const MINUS: char = '−';

fn is_negative(text: &[char], first: usize) -> bool {
    let at = |index: usize| text.get(index).copied();
    let before = |index: usize| index.checked_sub(1).and_then(at);
    let currency = |c: char| c.general_category() == GeneralCategory::CurrencySymbol;
    let mut place = first;
    if before(place).is_some_and(currency) {
        place -= 1;
    } else if before(place) == Some(' ') && before(place - 1).is_some_and(currency) {
        place -= 2;
    }
    let sign = match before(place) {
        // Between words or digits a hyphen is none; where words are written without spaces, letters stand before a sign.
        Some('-' | MINUS | '﹣' | '－' | '\u{2010}'..='\u{2013}' | '﹘') => place - 1,
        Some(gap) if gap.is_whitespace() && before(place - 1) == Some(MINUS) => {
            let operand = text[..place - 2].iter().rfind(|c| !c.is_whitespace());
            return !operand.is_some_and(|c| c.is_alphanumeric() || ")]}".contains(*c));
        }
        _ => return false,
    };
    !before(sign).is_some_and(|c| c.is_alphanumeric() && (digit(c).is_some() || !unspaced(c)))
}

/// `e5`, `× 10^5`, `x 10⁵`, `\times 10^{5}`: the power and where it ends.
fn power_of_ten(text: &[char], end: usize) -> Option<(i64, usize)> {
    if matches!(text.get(end), Some('e' | 'E' | 'ｅ' | 'Ｅ')) {
        return exponent(text, end + 1);
    }
    let mut at = skip(text, end);
    let words =
        ["\\times", "\\cdot"].into_iter().find(|word| word.chars().eq(text[at..].iter().copied().take(word.len())));
    match (words, text.get(at)) {
        (Some(word), _) => at += word.len(),
        (None, Some('×' | 'x' | 'X' | '*' | '·' | '⋅' | '∙' | '✕' | '∗')) => at += 1,
        _ => return None,
    }
    at = skip(text, at);
    let ten = [1, 0]
        .into_iter()
        .enumerate()
        .all(|(place, wanted)| text.get(at + place).copied().and_then(digit) == Some(wanted));
    if ten { raised(text, at + 2) } else { None }
}

fn skip(text: &[char], at: usize) -> usize {
    at + text[at.min(text.len())..].iter().take_while(|c| c.is_whitespace()).count()
}

/// `^5`, `**5`, `^{-5}`, `⁵`: what something is raised to, and where that ends.
fn raised(text: &[char], at: usize) -> Option<(i64, usize)> {
    let from = match (text.get(at), text.get(at + 1)) {
        (Some('^'), Some('{' | '(')) => {
            let (power, end) = exponent(text, at + 2)?;
            return matches!(text.get(end), Some('}' | ')')).then_some((power, end + 1));
        }
        (Some('^'), _) => at + 1,
        (Some('*'), Some('*')) => at + 2,
        _ => return superscript(text, at),
    };
    exponent(text, from)
}

fn exponent(text: &[char], at: usize) -> Option<(i64, usize)> {
    let (negative, from) = match text.get(at).copied() {
        Some('-' | MINUS) => (true, at + 1),
        Some('+') => (false, at + 1),
        _ => (false, at),
    };
    power(text, from, negative, digit)
}

fn superscript(text: &[char], at: usize) -> Option<(i64, usize)> {
    let (negative, from) = match text.get(at) {
        Some('⁻') => (true, at + 1),
        Some('⁺') => (false, at + 1),
        _ => (false, at),
    };
    let raised = |c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().zip(0..).find_map(|(other, value)| (other == c).then_some(value));
    power(text, from, negative, raised)
}

/// The digits from `at` on as a power, and where they end; `None` if there are none.
fn power(text: &[char], at: usize, negative: bool, digit: impl Fn(char) -> Option<u8>) -> Option<(i64, usize)> {
    let digits: Vec<u8> = text.get(at..)?.iter().map_while(|c| digit(*c)).collect();
    let value = digits.iter().fold(0_i64, |value, digit| (value * 10 + i64::from(*digit)).min(POWER));
    (!digits.is_empty()).then_some((if negative { -value } else { value }, at + digits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_read_as_written() {
        let cases = [
            ("42", "42"),
            ("The answer is 42.", "42"),
            ("3 apples and 5 pears", "5"),
            ("$1,234.50", "1234.5"),
            ("1,234,567", "1234567"),
            ("-7", "-7"),
            ("10-7", "7"),
            ("x = -3e5", "-300000"),
            ("2e", "2"),
            (".5", "0.5"),
            ("so...5", "5"),
            ("12%", "12"),
            ("a1", "1"),
            ("version 1.2.3", "3"),
            ("5, 6", "6"),
            // Signs.
            ("−5", "-5"),
            ("－5", "-5"),
            ("﹣5", "-5"),
            ("–5", "-5"),
            ("3–5", "5"),
            ("10−7", "7"),
            ("x = − 5", "-5"),
            ("7 − 5", "5"),
            ("-$1,234.50", "-1234.5"),
            ("−€ 5", "-5"),
            ("答えは−5です", "-5"),
            ("A-5", "5"),
            // Other scripts.
            ("１２３", "123"),
            ("٣٫١٤", "3.14"),
            ("١٬٢٣٤", "1234"),
            ("उत्तर १२ है", "12"),
            ("𝟓𝟕", "57"),
            ("1\u{200b}2", "12"),
            // Thousands and fractions.
            ("1 234 567", "1234567"),
            ("1\u{202f}234,5", "1234.5"),
            ("1\u{a0}234", "1234"),
            ("1'234'567.8", "1234567.8"),
            ("1_000_000", "1000000"),
            ("12,34,567", "1234567"),
            ("1.234,5", "1234.5"),
            ("1.234.567", "1234567"),
            ("1.234", "1.234"),
            ("1,234", "1234"),
            ("3,14", "3.14"),
            ("0,234", "0.234"),
            ("12,3456", "12.3456"),
            ("1234,567", "1234.567"),
            ("(1,2)", "2"),
            ("1,2,3", "3"),
            ("３，４", "4"),
            ("１，２３４", "1234"),
            ("in 2020 1 234 567", "1234567"),
            ("5 10 15", "15"),
            ("2024 100", "100"),
            // Powers of ten.
            ("3 × 10^5", "300000"),
            ("3 x 10⁵", "300000"),
            ("1.5·10⁻³", "0.0015"),
            (r"6.02 \times 10^{23}", "602000000000000000000000"),
            ("10^5", "100000"),
            ("10⁵", "100000"),
            ("2 * 10**3", "2000"),
            ("3 x 10", "10"),
            ("1e400", "1e400"),
            ("1e99999999999999999999", "1e1125899906842624"),
            // Beyond 64 bits.
            ("12345678901234567890123", "12345678901234567890123"),
            ("0.1234567890123456789012", "0.1234567890123456789012"),
        ];
        for (text, expected) in cases {
            assert_eq!(last(text).map(|number| number.to_string()).as_deref(), Some(expected), "{text:?}");
        }
        for none in ["none at all", "", "é –", "½"] {
            assert_eq!(last(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_list_without_end_costs_its_length() {
        let zeros = "0 ".repeat(300_000);
        assert_eq!(last(&format!("{zeros}1 234")).map(|number| number.to_string()).as_deref(), Some("1234"));
        let digits = "1".repeat(300_000);
        assert_ne!(last(&digits), last(&format!("{digits}1")));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(value in -1e12f64..1e12, before in "[a-z ]{0,9} ") {
            proptest::prop_assert_eq!(last(&format!("{before}{value}")), Decimal::of(value));
        }

        #[test]
        fn any_text_is_read(text in "[0-9.,'eE^×10 ⁵−-]{0,40}") {
            last(&text);
        }
    }
}
