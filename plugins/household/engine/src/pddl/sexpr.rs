//! Reads parenthesised text into nested lists, keeping positions for messages.
//! Refuses unbalanced or absurdly deep text; knows nothing of planning.

use crate::GameError;

/// Deeper nesting than this is refused, so that later recursion is bounded.
const MAX_DEPTH: usize = 64;

/// One word or one parenthesised list, with its byte offset.
#[derive(Debug)]
pub(crate) enum Sexpr<'a> {
    Word(&'a str, usize),
    List(Vec<Sexpr<'a>>, usize),
}

/// A section of the game file: lower-cased text and its name in messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub section: &'static str,
    pub text: &'a str,
}

impl<'a> Source<'a> {
    /// An error at a byte offset of this section.
    pub fn error(&self, offset: usize, message: impl Into<String>) -> GameError {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        GameError::Pddl {
            section: self.section,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }

    /// Reads the single top-level list of the section.
    pub fn read(&self) -> Result<Vec<Sexpr<'a>>, GameError> {
        let bytes = self.text.as_bytes();
        let mut open: Vec<(Vec<Sexpr<'a>>, usize)> = Vec::new();
        let mut top = None;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b';' => {
                    at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
                }
                b if b.is_ascii_whitespace() => at += 1,
                _ if top.is_some() => return Err(self.error(at, "text after the last parenthesis")),
                b'(' => {
                    if open.len() == MAX_DEPTH {
                        return Err(self.error(at, "parentheses nested too deeply"));
                    }
                    open.push((Vec::new(), at));
                    at += 1;
                }
                b')' => {
                    let Some((items, start)) = open.pop() else {
                        return Err(self.error(at, "`)` without `(`"));
                    };
                    match open.last_mut() {
                        Some((parent, _)) => parent.push(Sexpr::List(items, start)),
                        None => top = Some(items),
                    }
                    at += 1;
                }
                _ => {
                    let start = at;
                    while at < bytes.len()
                        && !bytes[at].is_ascii_whitespace()
                        && !matches!(bytes[at], b'(' | b')' | b';')
                    {
                        at += 1;
                    }
                    let word = self.text.get(start..at).unwrap_or_default();
                    match open.last_mut() {
                        Some((parent, _)) => parent.push(Sexpr::Word(word, start)),
                        None => return Err(self.error(start, format!("expected `(`, found `{word}`"))),
                    }
                }
            }
        }
        if let Some((_, start)) = open.last() {
            return Err(self.error(*start, "`(` is never closed"));
        }
        top.ok_or_else(|| self.error(0, "empty: expected `(define ...)`"))
    }
}

impl<'a> Sexpr<'a> {
    /// Byte offset of the first character.
    pub fn at(&self) -> usize {
        match self {
            Self::Word(_, at) | Self::List(_, at) => *at,
        }
    }

    /// The word, or an error naming what was expected instead of a list.
    pub fn word(&self, source: Source<'_>, expected: &str) -> Result<&'a str, GameError> {
        match self {
            Self::Word(word, _) => Ok(word),
            Self::List(_, at) => Err(source.error(*at, format!("expected {expected}, found a list"))),
        }
    }

    /// The items of the list, or an error naming what was expected.
    pub fn list(&self, source: Source<'_>, expected: &str) -> Result<&[Sexpr<'a>], GameError> {
        match self {
            Self::List(items, _) => Ok(items),
            Self::Word(word, at) => Err(source.error(*at, format!("expected {expected}, found `{word}`"))),
        }
    }
}
