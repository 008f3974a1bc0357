//! Marking: does an answer match the gold answer? Two strengths: `choice` (the right functions
//! named) and `ast` (the whole calls, as the leaderboard's own checker decides).
//!
//! Marking is a pure function of task and calls. It never repairs an answer first.

mod ast;
mod containers;
mod python;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use ast::check_ast;

use crate::task::{Call, FunctionTask, Marking};

/// How function names reach the model. Some providers refuse dots in tool names; with
/// [`Naming::Underscored`] every dot is shown, and marked, as an underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// Names as the documents write them.
    #[default]
    Verbatim,
    /// Dots written as underscores.
    Underscored,
}

impl Naming {
    /// The name an answer must use for the function documented as `name`.
    pub fn apply(self, name: &str) -> Cow<'_, str> {
        match self {
            Naming::Underscored if name.contains('.') => Cow::Owned(name.replace('.', "_")),
            _ => Cow::Borrowed(name),
        }
    }
}

/// Why an answer is wrong. Shown as text, it does not give the right answer away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Too many or too few calls.
    #[error("{got} calls, which is not the number wanted")]
    WrongCount {
        /// Calls in the gold answer.
        expected: usize,
        /// Calls made.
        got: usize,
    },
    /// Not the function wanted.
    #[error("called {got:?}, which is not the function wanted")]
    WrongFunction {
        /// The function wanted.
        expected: String,
        /// The function called.
        got: String,
    },
    /// Not the functions wanted, taken together.
    #[error("called {got:?}, which are not the functions wanted")]
    WrongFunctions {
        /// The functions wanted, sorted.
        expected: Vec<String>,
        /// The functions called, sorted.
        got: Vec<String>,
    },
    /// The arguments are not an object.
    #[error("the arguments of {function:?} are not an object")]
    NotAnObject {
        /// The function called.
        function: String,
    },
    /// A parameter the function requires is missing.
    #[error("required parameter {0:?} is missing")]
    MissingRequired(String),
    /// A parameter the gold answer insists on is missing.
    #[error("a parameter the answer depends on is missing")]
    MissingOptional(String),
    /// A parameter the function or the gold answer does not know.
    #[error("unexpected parameter {0:?}")]
    UnexpectedParameter(String),
    /// A value of the wrong type.
    #[error("parameter {parameter:?}: a value of type {got} does not fit")]
    WrongType {
        /// The parameter.
        parameter: String,
        /// The type wanted, in Python's name.
        expected: &'static str,
        /// The type given, in Python's name.
        got: &'static str,
    },
    /// An array holding a value of the wrong type.
    #[error("parameter {0:?}: an element has the wrong type")]
    WrongElementType(String),
    /// The right type and not an accepted value.
    #[error("parameter {0:?}: not an accepted value")]
    WrongValue(String),
    /// An object with a key too many or too few.
    #[error("parameter {parameter:?}: key {key:?} is unexpected or missing")]
    WrongKey {
        /// The parameter.
        parameter: String,
        /// The key.
        key: String,
    },
    /// An array of objects of the wrong length.
    #[error("parameter {0:?}: wrong number of objects")]
    WrongLength(String),
    /// No call answers this gold call.
    #[error("no call matches the gold call {0}")]
    NoMatch(usize),
    /// A call was made where none fits.
    #[error("{0} calls where none fits")]
    CalledAnyway(usize),
    /// No call was made where one fits.
    #[error("no call where a function fits")]
    NoCall,
    /// The task's own documents leave the verdict undefined: the leaderboard's checker fails with
    /// an exception here. Counted as wrong.
    #[error("the task does not define a verdict: {0}")]
    Undefined(String),
}

impl Mismatch {
    pub(crate) fn undefined(what: impl fmt::Display) -> Self {
        Mismatch::Undefined(what.to_string())
    }
}

/// The `choice` grader: the multiset of called names equals the gold answer's. For an
/// irrelevance task: no call. For a relevance task: at least one call, and only functions on offer.
///
/// # Errors
/// The first [`Mismatch`].
pub fn check_choice(task: &FunctionTask, calls: &[Call], naming: Naming) -> Result<(), Mismatch> {
    match task.category.marking() {
        Marking::None => no_call(calls),
        Marking::Any => {
            any_call(calls)?;
            let shown = |call: &&Call| task.names().any(|name| naming.apply(name) == call.name);
            match calls.iter().find(|call| !shown(call)) {
                Some(stray) => {
                    Err(Mismatch::WrongFunction { expected: "a function on offer".to_owned(), got: stray.name.clone() })
                }
                None => Ok(()),
            }
        }
        Marking::Single | Marking::Chosen | Marking::Unordered => {
            let mut expected: Vec<String> =
                task.gold.iter().map(|gold| naming.apply(&gold.name).into_owned()).collect();
            let mut got: Vec<String> = calls.iter().map(|call| call.name.clone()).collect();
            expected.sort();
            got.sort();
            if expected == got { Ok(()) } else { Err(Mismatch::WrongFunctions { expected, got }) }
        }
    }
}

pub(crate) fn no_call(calls: &[Call]) -> Result<(), Mismatch> {
    match calls.len() {
        0 => Ok(()),
        count => Err(Mismatch::CalledAnyway(count)),
    }
}

pub(crate) fn any_call(calls: &[Call]) -> Result<(), Mismatch> {
    match calls.len() {
        0 => Err(Mismatch::NoCall),
        _ => Ok(()),
    }
}
