//! The text side of a game file: a grammar of rules with conditions on the state. Read once,
//! compiled to programs that only test bits and copy strings.

mod compile;
mod document;
mod matching;
mod program;
mod symbols;

pub(crate) use compile::{Compiler, Context, Schema};
pub(crate) use document::Grammar;
pub(crate) use matching::Bound;
pub(crate) use program::{ProgramId, Programs, Run};
