//! Every reader of this crate over bytes from anywhere: what a fuzzer calls. Places no file and runs nothing.

use std::path::Path;

use crate::{
    row,
    table::{self, Columns, Form},
    workspace,
};

/// What a header of a table that is made up may hold.
const COLUMNS: Columns<'_> =
    Columns { prompt: "prompt", answer: "answer", id: Some("id"), group: Some("group"), kind: None };

/// Reads `bytes` as rows, as rows of a workspace, as Harbor's files, as tables; gives how many tasks there were.
///
/// # Errors
///
/// What a table gave does not read as the same rows when it is written down.
pub fn fuzz(bytes: &[u8]) -> Result<usize, String> {
    let path = Path::new("tasks");
    let mut tasks = row::parse(bytes, path).map_or(0, |rows| rows.len()) + workspace::fuzz(bytes);
    for form in [Form::Separated(None), Form::Separated(Some(b'\t')), Form::Lines] {
        let Ok(rows) = table::parse(bytes, form, &COLUMNS, path) else { continue };
        let lines = rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|error| format!("{error}: {rows:?}"))?.join("\n");
        let again = row::parse(lines.as_bytes(), path).map_err(|error| format!("{error}: {lines}"))?;
        if again != rows {
            return Err(format!("{rows:?} was understood as {again:?}"));
        }
        tasks += rows.len();
    }
    Ok(tasks)
}
