//! A person's table as rows of a suite: CSV, TSV or JSON lines. Refuses rows it cannot place, all at once and with their
//! lines, and columns that are not there.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use serde_json::{Map, Value};

use crate::{
    error::{RowFault, RowsError},
    row::Row,
};

/// Which columns mean what.
#[derive(Debug, Clone)]
pub struct Columns<'a> {
    /// The question.
    pub prompt: &'a str,
    /// The right answer.
    pub answer: &'a str,
    /// The task's name; rows are numbered without it.
    pub id: Option<&'a str>,
    /// Rows with the same value stand or fall together.
    pub group: Option<&'a str>,
    /// What is known of a row before it is run.
    pub kind: Option<&'a str>,
}

/// How a table is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// A line of names, then a line a row, with this between the fields.
    Separated(u8),
    /// A JSON object a line.
    Lines,
}

/// Reads the table at `path`: CSV, TSV or JSON lines, by its extension.
///
/// # Errors
///
/// If the file cannot be read, has no such column, or any row is at fault; all rows at fault are in the error.
pub fn table(path: &Path, columns: &Columns<'_>) -> Result<Vec<Row>, RowsError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    let form = match &*extension {
        "csv" => Form::Separated(b','),
        "tsv" => Form::Separated(b'\t'),
        "jsonl" | "ndjson" => Form::Lines,
        _ => return Err(RowsError::Form { path: path.to_owned() }),
    };
    let bytes = std::fs::read(path).map_err(|source| RowsError::Io { path: path.to_owned(), source })?;
    parse(&bytes, form, columns, path)
}

/// The rows in the bytes of a table; `path` is what errors call it.
pub(crate) fn parse(bytes: &[u8], form: Form, columns: &Columns<'_>, path: &Path) -> Result<Vec<Row>, RowsError> {
    let records = match form {
        Form::Separated(delimiter) => separated(bytes, delimiter, path)?,
        Form::Lines => lines(bytes, path)?,
    };
    let Some((_, first)) = records.first() else { return Err(RowsError::NoRows { path: path.to_owned() }) };
    let named = [Some(columns.prompt), Some(columns.answer), columns.id, columns.group, columns.kind];
    if let Some(name) = named.into_iter().flatten().find(|name| !first.contains_key(*name)) {
        let known = first.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(RowsError::NoColumn { path: path.to_owned(), name: name.to_owned(), known });
    }
    let width = records.len().to_string().len();
    let (mut rows, mut faults, mut known) = (Vec::new(), Vec::new(), HashMap::<String, usize>::new());
    for (number, (line, record)) in (1..).zip(&records) {
        let found = row(record, columns, || format!("{number:0width$}")).and_then(|row| match known.get(&row.id) {
            Some(first) => Err(RowFault::Twice { id: row.id, first: *first }),
            None => {
                known.insert(row.id.clone(), *line);
                Ok(row)
            }
        });
        match found {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push((*line, fault)),
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(RowsError::Rows { path: path.to_owned(), faults }) }
}

fn row(record: &Map<String, Value>, columns: &Columns<'_>, number: impl FnOnce() -> String) -> Result<Row, RowFault> {
    let text = |column: &str| match record.get(column) {
        Some(Value::String(text)) => Ok(text.trim().to_owned()),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
        Some(Value::Null) | None => Ok(String::new()),
        Some(_) => Err(RowFault::NoText(column.to_owned())),
    };
    let some = |column: Option<&str>| column.map_or(Ok(String::new()), text);
    let prompt = text(columns.prompt)?;
    let answer = record.get(columns.answer).cloned().unwrap_or_default();
    let answer = answer.as_str().map_or_else(|| answer.clone(), |text| Value::from(text.trim()));
    let id = columns.id.map_or_else(|| Ok(number()), text)?;
    for (column, empty) in [
        (columns.prompt, prompt.is_empty()),
        (columns.answer, answer.is_null() || answer == ""),
        (columns.id.unwrap_or_default(), id.is_empty()),
    ] {
        if empty {
            return Err(RowFault::Blank(column.to_owned()));
        }
    }
    let (group, kind) = (some(columns.group)?, some(columns.kind)?);
    Ok(Row { id, prompt, answer, example: String::new(), group, kind, split: String::new(), max_turns: 0 })
}

/// Lines, counted from 1, and what they hold.
type Records = Vec<(usize, Map<String, Value>)>;

fn separated(bytes: &[u8], delimiter: u8, path: &Path) -> Result<Records, RowsError> {
    let fail = |source: csv::Error| RowsError::Table { path: path.to_owned(), source };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let names = reader.headers().map_err(fail)?;
    let names: Vec<String> = names.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(RowsError::TwoColumns { path: path.to_owned(), name: name.clone() });
    }
    let record = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(fail)?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = names.iter().cloned().zip(record.iter().map(Value::from)).collect();
        Ok((usize::try_from(line).unwrap_or(usize::MAX), fields))
    };
    reader.records().map(record).collect()
}

fn lines(bytes: &[u8], path: &Path) -> Result<Records, RowsError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| RowsError::Encoding { path: path.to_owned(), valid: error.valid_up_to() })?;
    let (mut records, mut faults) = (Vec::new(), Vec::new());
    for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
        match serde_json::from_str(line) {
            _ if line.trim().is_empty() => {}
            Ok(Value::Object(record)) => records.push((number, record)),
            Ok(_) => faults.push((number, RowFault::NoObject)),
            Err(error) => faults.push((number, error.into())),
        }
    }
    if faults.is_empty() { Ok(records) } else { Err(RowsError::Rows { path: path.to_owned(), faults }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_cannot_be_used_are_refused_with_their_lines() {
        let columns = Columns { prompt: "q", answer: "a", id: Some("n"), group: None, kind: None };
        let cases: &[(Form, &[u8], &str)] = &[
            (Form::Separated(b','), b"", "has no rows"),
            (Form::Separated(b','), b"q,a,n\n", "has no rows"),
            (Form::Separated(b','), b"q,a\n1,2\n", "no column `n`; its columns are q, a"),
            (Form::Separated(b','), b"q,a,n,q\n1,2,3,4\n", "two columns `q`"),
            (Form::Separated(b','), b"q,a,n\n1,2\n", "found record with 2 fields"),
            (Form::Separated(b','), b"q,a,n\n\xff,2,3\n", "UTF-8"),
            (Form::Separated(b'\t'), b"q\ta\tn\n1\t2\t \n\t3\tx\n", "line 2: `n` is empty; line 3: `q` is empty"),
            (Form::Separated(b','), b"q,a,n\n1,2,x\n3,4,y\n5,6,x\n", "line 4: task \"x\" is already in line 2"),
            (Form::Lines, b"{\"q\":1,\"a\":2,\"n\":3}\n[1]\nx", "line 2: no JSON object; line 3: expected value"),
            (Form::Lines, b"{\"q\":[1],\"a\":2,\"n\":3}", "line 1: `q` is neither a text nor a number"),
            (Form::Lines, b"\xff", "not UTF-8 after byte 0"),
        ];
        for (form, bytes, expected) in cases {
            let error = parse(bytes, *form, &columns, Path::new("t")).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} should say {expected}");
        }
        let rows =
            parse("\u{feff}q,a,n\n\"one\n two\",4.5,x\n".as_bytes(), Form::Separated(b','), &columns, Path::new("t"));
        let row = rows.unwrap().remove(0);
        assert_eq!((&*row.id, &*row.prompt, row.answer), ("x", "one\n two", Value::from("4.5")));
    }
}
