//! Everything that can be wrong with a game file, with the place and the value.
//! A running world has no errors: a command it does not know simply does nothing.

use thiserror::Error;

/// Why a game file could not be turned into a playable game.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GameError {
    /// The file is not JSON, or a field is missing or of the wrong type.
    #[error("game file: {0}; expected an object with pddl_domain, pddl_problem, grammar, walkthrough and solvable")]
    Json(#[from] serde_json::Error),

    /// The planning language could not be read.
    #[error("{section}, line {line}, column {column}: {message}")]
    Pddl {
        /// `pddl_domain` or `pddl_problem`.
        section: &'static str,
        /// 1-based line within that section.
        line: usize,
        /// 1-based column, in characters.
        column: usize,
        /// What was found and what was expected.
        message: String,
    },

    /// The text grammar could not be read or refers to what is not there.
    #[error("grammar, {place}: {message}")]
    Grammar {
        /// Action, rule or byte offset.
        place: String,
        /// What was found and what was expected.
        message: String,
    },

    /// The game is well formed but larger than the engine accepts.
    #[error("{what}: more than {limit}; the engine refuses games of that size")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most that is accepted.
        limit: usize,
    },
}

impl GameError {
    pub(crate) fn grammar(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Grammar { place: place.into(), message: message.into() }
    }
}
