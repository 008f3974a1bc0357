//! A game file as it is stored: five JSON fields. Says nothing about whether they make sense.

use serde::{Deserialize, Serialize};

use crate::GameError;

/// The contents of a `game.tw-pddl` file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameFile {
    /// Types, predicates and actions, in PDDL.
    pub pddl_domain: String,
    /// Command templates and feedback texts.
    pub grammar: String,
    /// Objects, initial facts and goal, in PDDL.
    pub pddl_problem: String,
    /// Whether some sequence of commands wins.
    #[serde(default)]
    pub solvable: bool,
    /// Commands that win from the start; empty if none is known.
    #[serde(default)]
    pub walkthrough: Vec<String>,
}

impl GameFile {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`GameError::Json`] if it is not JSON or lacks one of the three texts.
    pub fn from_json(json: &str) -> Result<Self, GameError> {
        Ok(serde_json::from_str(json)?)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`GameError::Json`] if it cannot be written, which does not happen with plain strings.
    pub fn to_json(&self) -> Result<String, GameError> {
        Ok(serde_json::to_string_pretty(self)?)
    }
}
