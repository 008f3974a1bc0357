//! Numbers as people write them in a sentence: `1,234.50`, `-3e5`, `.5`, `12%`. Refuses to guess: what has two readings,
//! such as a comma before other than three digits, ends the number there.

use harness_abi::ModuleError;
use regex::Regex;

/// Reads numbers.
#[derive(Debug)]
pub(crate) struct Numbers(Regex);

impl Numbers {
    pub fn new() -> Result<Self, ModuleError> {
        let pattern = r"[-+]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+\b|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?";
        Regex::new(pattern).map(Self).map_err(ModuleError::fault)
    }

    /// The last number in `text`.
    pub fn last(&self, text: &str) -> Option<f64> {
        let found = self.0.find_iter(text).last()?;
        // A hyphen or a point between words or digits belongs to no number.
        let inside = text[..found.start()].chars().next_back().is_some_and(char::is_alphanumeric);
        let number = if inside { found.as_str().trim_start_matches(['-', '+', '.']) } else { found.as_str() };
        number.replace(',', "").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn the_last_number_is_read_as_written() {
        let numbers = Numbers::new().unwrap();
        let cases = [
            ("42", Some(42.0)),
            ("The answer is 42.", Some(42.0)),
            ("3 apples and 5 pears", Some(5.0)),
            ("$1,234.50", Some(1234.5)),
            ("1,234,567", Some(1_234_567.0)),
            ("between 1,2", Some(2.0)),
            ("-7", Some(-7.0)),
            ("10-7", Some(7.0)),
            ("x = -3e5", Some(-3e5)),
            ("2e", Some(2.0)),
            (".5", Some(0.5)),
            ("12%", Some(12.0)),
            ("12,3456", Some(3456.0)),
            ("1234,567", Some(567.0)),
            ("a1", Some(1.0)),
            ("version 1.2.3", Some(3.0)),
            ("none at all", None),
            ("", None),
            ("٣ é –", None),
        ];
        for (text, expected) in cases {
            assert_eq!(numbers.last(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(value in -1e12f64..1e12, before in "[a-z ]{0,9} ") {
            let read = Numbers::new().unwrap().last(&format!("{before}{value}")).unwrap();
            proptest::prop_assert!((read - value).abs() <= value.abs() * 1e-12);
        }
    }
}
