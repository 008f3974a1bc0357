//! The words of a text as they are indexed and looked up. Where a script writes words without spaces, and in Korean, where particles
//! follow them without one, every two neighbouring letters are a word: what two texts share is found without a dictionary.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Words in one spelling, in the order of the text. The index takes away case and the marks of Latin, Greek and Cyrillic letters.
pub(crate) fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut run) = (Vec::new(), String::new(), Vec::new());
    // Full-width letters and half-width kana are the letters they look like.
    for c in text.nfkc().filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')) {
        let letter = c.is_alphanumeric() || c.general_category_group() == GeneralCategoryGroup::Mark;
        if letter && unspaced(c) {
            flush(&mut words, &mut word);
            run.push(c);
        } else {
            pairs(&mut words, &mut run);
            if letter { word.push(c) } else { flush(&mut words, &mut word) }
        }
    }
    flush(&mut words, &mut word);
    pairs(&mut words, &mut run);
    words
}

fn flush(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word).to_lowercase());
    }
}

fn pairs(words: &mut Vec<String>, run: &mut Vec<char>) {
    match run.as_slice() {
        [] => {}
        [one] => words.push(one.to_string()),
        run => words.extend(run.windows(2).map(|pair| pair.iter().collect::<String>())),
    }
    run.clear();
}

/// Scripts whose words are not parted by spaces, with Hangul.
fn unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff // Thai, Lao
        | 0x1000..=0x109f | 0xa9e0..=0xa9ff | 0xaa60..=0xaa7f // Myanmar
        | 0x1780..=0x17ff | 0x1950..=0x19df | 0x1a20..=0x1aaf | 0xaa80..=0xaadf // Khmer, Tai
        | 0x1b00..=0x1b7f | 0xa980..=0xa9df // Balinese, Javanese
        | 0x2e80..=0x2fff | 0x3005..=0x3007 | 0x3021..=0x3029 | 0x3040..=0x312f | 0x31a0..=0x31ff
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff // Han, kana, bopomofo
        | 0x1100..=0x11ff | 0x3130..=0x318f | 0xa960..=0xa97f | 0xac00..=0xd7ff // Hangul
        | 0x11700..=0x1174f | 0x1b000..=0x1b16f | 0x20000..=0x3ffff)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_what_their_script_parts_or_every_two_letters() {
        for (text, expected) in [
            ("The Apple-pie, 2 of 3!", &["the", "apple", "pie", "2", "of", "3"][..]),
            ("cafe\u{301} CAFÉ", &["café", "café"]),
            ("東京タワー", &["東京", "京タ", "タワ", "ワー"]),
            ("東", &["東"]),
            ("NY市へ", &["ny", "市へ"]),
            ("서울은", &["서울", "울은"]),
            ("ﾊﾟﾝ ＡＢ", &["パン", "ab"]),
            ("हिन्दी में", &["हिन्दी", "में"]),
            ("กรุง", &["กร", "รุ", "ุง"]),
            ("… !", &[]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
