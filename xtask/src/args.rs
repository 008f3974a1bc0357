//! The words of the command line, taken one by one. What nobody takes is an error.

use std::str::FromStr;

use crate::failure::{Failure, Outcome};

/// Words not taken yet.
pub struct Args(Vec<String>);

impl Args {
    /// What this process was called with.
    pub fn of_process() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The next word, which may be an option.
    pub fn word(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Whether `name` is among the words.
    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// What follows `name`, or follows it after `=`.
    pub fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let joined = format!("{name}=");
        let Some(at) = self.0.iter().position(|word| word == name || word.starts_with(&joined)) else {
            return Ok(None);
        };
        let word = self.0.remove(at);
        let text = match word.strip_prefix(&joined) {
            Some(text) => text.to_owned(),
            None if at < self.0.len() => self.0.remove(at),
            None => return Err(Failure::new(format!("{name} needs a value"))),
        };
        text.parse().map(Some).map_err(|_| Failure::new(format!("{name} cannot be `{text}`")))
    }

    /// Nothing is left, or an error that names what is.
    pub fn done(self) -> Outcome {
        match self.0.first() {
            None => Ok(()),
            Some(word) => Err(Failure::new(format!("`{word}` means nothing here")).hint("cargo xtask help")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Args {
        Args(text.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn words_are_taken_once() {
        let mut words = args("bench --full --minutes 7 --suite=functions");
        assert_eq!(words.word().as_deref(), Some("bench"));
        assert!(words.flag("--full") && !words.flag("--full"));
        assert_eq!(words.value::<u64>("--minutes").ok().flatten(), Some(7));
        assert_eq!(words.value::<String>("--suite").ok().flatten().as_deref(), Some("functions"));
        assert!(words.done().is_ok());
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert!(args("--minutes").value::<u64>("--minutes").is_err());
        assert!(args("--minutes many").value::<u64>("--minutes").is_err());
        assert!(args("--ful").done().is_err());
    }
}
