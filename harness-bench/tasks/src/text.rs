//! One spelling for texts that people read as the same: composed and decomposed letters, full-width forms, digits of other scripts,
//! dashes, quotes and spaces of typographers, characters that cannot be seen. Words are told apart where they are written apart.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// The value of a decimal digit of any script (Unicode category Nd).
pub(crate) fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| c as u8 - b'0');
    }
    let decimal = |c: char| c.general_category() == GeneralCategory::DecimalNumber;
    if !c.is_numeric() || !decimal(c) {
        return None;
    }
    // Unicode keeps the ten digits of a script together, from 0 up; scripts may follow one another.
    let code = u32::from(c);
    let before = (1..).take_while(|back| char::from_u32(code - back).is_some_and(decimal)).count();
    u8::try_from(before % 10).ok()
}

/// Whether a character changes how others look or break and is not seen itself.
pub(crate) fn invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a letter is of a script in which words are written without spaces between them.
pub(crate) fn unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff // Thai, Lao
        | 0x1000..=0x109f | 0xa9e0..=0xa9ff | 0xaa60..=0xaa7f // Myanmar
        | 0x1780..=0x17ff | 0x19e0..=0x19ff // Khmer
        | 0x1950..=0x19df | 0x1a20..=0x1aaf | 0xaa80..=0xaadf // Tai Le, New Tai Lue, Tai Tham, Tai Viet
        | 0x1b00..=0x1b7f | 0xa980..=0xa9df // Balinese, Javanese
        | 0x2e80..=0x2fff | 0x3005..=0x3007 | 0x3021..=0x3029 | 0x3040..=0x30ff | 0x3100..=0x312f | 0x31a0..=0x31ff
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0xff66..=0xff9f // Han, kana, bopomofo
        | 0x11700..=0x1174f // Ahom
        | 0x1b000..=0x1b16f | 0x20000..=0x3ffff)
}

fn hangul(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x11ff | 0x3130..=0x318f | 0xa960..=0xa97f | 0xac00..=0xd7ff)
}

/// Whether a character belongs to the one before it.
fn mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

/// The text with composed letters.
pub(crate) fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// The text in one spelling.
pub(crate) fn plain(text: &str) -> String {
    let text: Vec<char> = text.nfc().filter(|c| !invisible(*c)).collect();
    let mut plain = String::with_capacity(text.len());
    for (at, &c) in text.iter().enumerate() {
        let next = text.get(at + 1).copied();
        match c {
            c if c.is_ascii() => plain.push(c),
            '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => plain.push('-'),
            // A dash before a word or a number joins it or is its sign; elsewhere it is punctuation.
            '\u{2010}'..='\u{2013}' if next.is_some_and(|c| c.is_alphanumeric() || is_currency(c)) => plain.push('-'),
            '‘' | '’' | '‛' | 'ʼ' => plain.push('\''),
            '“' | '”' | '„' | '‟' => plain.push('"'),
            '…' => plain.push_str("..."),
            '￥' => plain.push('¥'),
            '￡' => plain.push('£'),
            // Full-width forms stand as far from ASCII as its first one.
            '\u{ff01}'..='\u{ff5e}' => plain.extend(char::from_u32(u32::from(c) - 0xfee0)),
            '\u{ff61}'..='\u{ff9f}' => plain.extend(std::iter::once(c).nfkc()),
            c => match digit(c) {
                Some(value) => plain.push(char::from(b'0' + value)),
                None => plain.push(c),
            },
        }
    }
    // Half-width kana carry their marks beside them.
    plain.nfc().collect()
}

/// The text without the difference between capital and small letters, in any script.
pub(crate) fn caseless(text: &str) -> String {
    let folded = text.to_uppercase().to_lowercase().replace("i\u{307}", "i").replace('ς', "σ");
    folded.nfc().collect()
}

fn is_currency(c: char) -> bool {
    c.general_category() == GeneralCategory::CurrencySymbol
}

/// The text without punctuation around it; what is nothing but punctuation is left as it is.
pub(crate) fn bare(text: &str) -> &str {
    let kept = |c: char| {
        c.is_alphanumeric()
            || mark(c)
            || "-+%‰°′″".contains(c)
            || is_currency(c)
            || c.general_category() == GeneralCategory::MathSymbol && !"=|~".contains(c)
    };
    // `C#` is no `C`.
    let bare = text.trim_start_matches(|c| !kept(c)).trim_end_matches(|c| !kept(c) && c != '#');
    let bare = if bare.trim_end_matches('#').ends_with(char::is_whitespace) {
        bare.trim_end_matches(|c| !kept(c))
    } else {
        bare
    };
    if bare.is_empty() { text } else { bare }
}

/// Whether `text` holds `wanted`, not as a part of a longer word or number.
pub(crate) fn holds(text: &str, wanted: &str) -> bool {
    !wanted.is_empty()
        && text.match_indices(wanted).any(|(at, found)| {
            let (before, after) = (&text[..at], &text[at + found.len()..]);
            // Korean parts words by spaces, but its particles follow their word without one.
            let particle = after.chars().next().is_some_and(hangul);
            !goes_on(before, found) && (particle || !goes_on(found, after))
        })
}

/// Whether the end of one text and the beginning of the next are within one word or number.
fn goes_on(one: &str, next: &str) -> bool {
    let (mut back, mut ahead) = (one.chars().rev(), next.chars());
    let (Some(last), Some(first)) = (back.next(), ahead.next()) else { return false };
    let is_digit = |c: char| digit(c).is_some();
    let digits = |text: &str| text.chars().take_while(|c| is_digit(*c)).count();
    // `3` is not in `3.5`, nor `1` in `1,234`; but `2` is in `1,2,3`.
    let parts = |point: char, rest: &str| point == '.' && digits(rest) > 0 || point == ',' && digits(rest) == 3;
    if is_digit(last) && parts(first, ahead.as_str()) || back.next().is_some_and(is_digit) && parts(last, next) {
        return true;
    }
    if mark(first) {
        return true;
    }
    let word = |c: char| c.is_alphanumeric() || mark(c);
    let parted = unspaced(last) || unspaced(first);
    word(last) && word(first) && !parted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        let all: Vec<u8> = (0..=0x10_ffff).filter_map(char::from_u32).filter_map(digit).collect();
        assert!(all.len() > 600 && all.len().is_multiple_of(10), "{}", all.len());
        assert!(all.chunks(10).all(|ten| ten.iter().copied().eq(0..10)), "each script counts from 0 to 9");
    }

    #[test]
    fn one_spelling_is_left() {
        for (text, expected) in [
            ("cafe\u{301}", "café"),
            ("－５．５", "-5.5"),
            ("–5", "-5"),
            ("Paris –", "Paris –"),
            ("Jean\u{2011}Luc", "Jean-Luc"),
            ("it’s “so”…", "it's \"so\"..."),
            ("ＡＢｃ！", "ABc!"),
            ("ｶﾞｷﾞ", "ガギ"),
            ("١٢", "12"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("한국", "한국"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
            assert_eq!(plain(expected), expected, "{expected:?}");
        }
        for (one, other) in
            [("STRASSE", "straße"), ("ΟΔΟΣ", "οδός".replace('ό', "ο").as_str()), ("İzmir", "izmir"), ("ÉCOLE", "école")]
        {
            assert_eq!(caseless(&plain(one)), caseless(&plain(other)), "{one} {other}");
        }
    }

    #[test]
    fn punctuation_around_a_text_is_left_off() {
        for (text, expected) in [
            ("«Paris».", "Paris"),
            ("「東京」。", "東京"),
            ("**Paris**", "Paris"),
            ("C#", "C#"),
            ("# Paris", "Paris"),
            ("C++", "C++"),
            ("-5", "-5"),
            ("₹5", "₹5"),
            (">5", ">5"),
            ("क्", "क्"),
            ("👍", "👍"),
            ("...", "..."),
            ("", ""),
        ] {
            assert_eq!(bare(text), expected, "{text:?}");
        }
    }

    #[test]
    fn words_end_where_their_script_says_so() {
        for (text, wanted, expected) in [
            ("答えは東京です。", "東京", true),
            ("คำตอบคือกรุงเทพฯ", "กรุงเทพ", true),
            ("កម្ពុជាមានរាជធានីភ្នំពេញ", "ភ្នំពេញ", true),
            ("ຄຳຕອບແມ່ນວຽງຈັນ", "ວຽງຈັນ", true),
            ("အဖြေကရန်ကုန်ပါ", "ရန်ကုန်", true),
            ("a party", "art", false),
            ("cafés", "é", false),
            ("हिन्दी", "हिन्द", false),
            ("กำลัง", "ก", true),
            ("กี่", "ก", false),
            ("NYは大きい", "NY", true),
            ("답은 서울입니다.", "서울", true),
            ("5는", "5", true),
            ("남서울", "서울", false),
            ("第5章", "5", true),
            ("50", "5", false),
            ("3.5", "3", false),
            ("3.5", "5", false),
            ("It is 5.", "5", true),
            ("1,2,3", "2", true),
            ("1,234", "1", false),
            ("1,234", "234", false),
            ("use C++14? no: C++.", "C++", true),
            ("", "a", false),
        ] {
            assert_eq!(holds(text, wanted), expected, "{wanted} in {text}");
        }
    }
}
