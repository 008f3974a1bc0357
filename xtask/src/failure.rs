//! What went wrong and what to do about it.

use std::{fmt::Display, process::ExitCode};

/// The result of a step.
pub type Outcome<T = ()> = Result<T, Failure>;

/// An error on its way to a person.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// Something went wrong.
    pub fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), hint: None }
    }

    /// A file or folder could not be read, written or made.
    pub fn file(path: &std::path::Path, error: impl Display) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints it and gives the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.message);
        if let Some(hint) = &self.hint {
            eprintln!("hint: {hint}");
        }
        ExitCode::FAILURE
    }
}
