//! Standard output and standard error. Nothing else writes there. What cannot be written is an error, never a panic: a stream may be
//! closed, full, or read by a program that has left.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use crate::escape::{Escaper, Form, json as safe_json, text};

/// Writes text for a person and a line break to standard output.
///
/// # Errors
///
/// If it cannot be written, [`io::ErrorKind::BrokenPipe`] among others: the reader has left.
pub fn line(shown: impl Display) -> io::Result<()> {
    out(&format!("{}\n", text(shown)))
}

/// Writes a JSON text and a line break to standard output, in characters that no terminal obeys.
///
/// # Errors
///
/// As [`line()`].
pub fn json(object: &str) -> io::Result<()> {
    out(&format!("{}\n", safe_json(object)))
}

/// Writes text of our own, which may hold colours. What comes from elsewhere goes through [`text`] before.
///
/// # Errors
///
/// As [`line()`].
pub fn styled(ours: &str) -> io::Result<()> {
    out(&format!("{ours}\n"))
}

fn out(all: &str) -> io::Result<()> {
    let mut stream = io::stdout().lock();
    stream.write_all(all.as_bytes())?;
    stream.flush()
}

/// Writes text for a person and a line break to standard error. Whoever closed it wants to read nothing: that is no error.
pub fn note(shown: impl Display) {
    // There is nobody left to tell.
    let _ = io::stderr().lock().write_all(format!("{}\n", text(shown)).as_bytes());
}

/// As [`note`], for one JSON text.
pub fn note_json(object: &str) {
    // There is nobody left to tell.
    let _ = io::stderr().lock().write_all(format!("{}\n", safe_json(object)).as_bytes());
}

/// Whether a person sees standard output.
pub fn out_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a person sees standard error.
pub fn err_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Text that comes in pieces, on its way to standard output.
#[derive(Debug)]
pub struct Pieces(Escaper);

impl Default for Pieces {
    fn default() -> Self {
        Self(Escaper::new(Form::Text))
    }
}

impl Pieces {
    /// Writes a piece at once.
    ///
    /// # Errors
    ///
    /// As [`line()`].
    pub fn write(&mut self, piece: &str) -> io::Result<()> {
        let mut shown = String::with_capacity(piece.len());
        // Writing to a string cannot fail.
        let _ = self.0.pass(piece, &mut shown);
        out(&shown)
    }
}

/// Lines of JSON on their way to standard output, in characters that no terminal obeys. They are written some at a time: flush it.
#[derive(Debug, Default)]
pub struct JsonLines(Vec<u8>);

/// Bytes that wait.
const WAIT: usize = 64 << 10;

impl Write for JsonLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        if self.0.len() > WAIT
            && let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n')
        {
            let rest = self.0.split_off(self.0.len() - bytes.len() + end + 1);
            let lines = std::mem::replace(&mut self.0, rest);
            put(&lines)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        put(&std::mem::take(&mut self.0))
    }
}

fn put(lines: &[u8]) -> io::Result<()> {
    let text = str::from_utf8(lines).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    out(&safe_json(text))
}
