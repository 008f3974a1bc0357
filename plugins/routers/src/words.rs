//! Text as the words a lexical score counts: lower case, identifiers split, endings cut, the commonest words left out.

const COMMON: [&str; 44] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "could", "do", "for", "from", "get", "have", "how", "i",
    "in", "is", "it", "like", "me", "my", "of", "on", "or", "please", "should", "that", "the", "this", "to", "use",
    "want", "was", "what", "when", "where", "which", "will", "with", "would", "you", "your",
];

/// The words of `text`, in order.
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut lower) = (Vec::new(), String::new(), false);
    for character in text.chars().chain([' ']) {
        // `getWeather` is two words, `HTTPServer` is left alone.
        let hump = lower && character.is_uppercase();
        if (!character.is_alphanumeric() || hump) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
        lower = character.is_lowercase() || character.is_ascii_digit();
    }
    words.retain(|word| !COMMON.contains(&word.as_str()));
    words.iter().map(|word| stem(word).to_owned()).collect()
}

/// The word without the commonest English endings.
fn stem(word: &str) -> &str {
    for ending in ["ing", "ies", "ed", "es", "s", "e", "y"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= 3
        {
            return stem;
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_stems() {
        assert_eq!(words("getWeather for_city, booking 2 flights"), ["weather", "cit", "book", "2", "flight"]);
        assert_eq!(words("The city's"), words("cities S"));
        assert!(words("what is the").is_empty());
    }
}
