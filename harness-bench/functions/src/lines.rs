//! A file of tasks, line by line, and where its faults are.

use std::path::Path;

use crate::error::{DataError, LineFault};

/// Lines that are not blank, numbered from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim().is_empty())
}

/// Places a fault at a line of a file.
pub(crate) fn fault_at(path: &Path, line: usize) -> impl Fn(LineFault) -> DataError {
    move |what| DataError::Line { path: path.to_path_buf(), line, what }
}
