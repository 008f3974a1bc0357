//! A person's table as rows of a suite: CSV, TSV or JSON lines. Refuses rows it cannot place, all at once and with their
//! lines, and columns that are not there.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
};

use serde_json::{Map, Value};

use crate::{
    error::{RowFault, RowsError},
    input::{self, Object},
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
    /// A line of names, then a line a row, with this between the fields, or what the first line shows.
    Separated(Option<u8>),
    /// A JSON object a line.
    Lines,
}

/// Reads the table at `path`: CSV, TSV or JSON lines, by its extension.
///
/// # Errors
///
/// If the file cannot be read, has no such column, or any row is at fault; all rows at fault are in the error.
pub fn table(path: &Path, columns: &Columns<'_>) -> Result<Vec<Row>, RowsError> {
    let (bytes, form) = read(path)?;
    parse(&bytes, form, columns, path)
}

/// The names of the columns of the table at `path`, in the order in which they come.
///
/// # Errors
///
/// If the file cannot be read or is no table with rows.
pub fn columns(path: &Path) -> Result<Vec<String>, RowsError> {
    let (bytes, form) = read(path)?;
    let records = records(&bytes, form, &[], path)?;
    Ok(names(&records).into_iter().cloned().collect())
}

fn read(path: &Path) -> Result<(Vec<u8>, Form), RowsError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    let form = match &*extension {
        "csv" => Form::Separated(None),
        "tsv" | "tab" => Form::Separated(Some(b'\t')),
        "jsonl" | "ndjson" => Form::Lines,
        _ => return Err(RowsError::Form { path: path.to_owned() }),
    };
    let bytes =
        harness_files::read(path, input::MOST).map_err(|source| RowsError::Io { path: path.to_owned(), source })?;
    Ok((bytes, form))
}

/// The rows as they stand, at least one; `wanted` are columns that they should have.
fn records(bytes: &[u8], form: Form, wanted: &[&str], path: &Path) -> Result<Records, RowsError> {
    let text = input::text(bytes).map_err(|source| RowsError::Encoding { path: path.to_owned(), source })?;
    let records = match form {
        Form::Separated(delimiter) => separated(&text, delimiter, wanted, path)?,
        Form::Lines => lines(&text, path)?,
    };
    if records.is_empty() { Err(RowsError::NoRows { path: path.to_owned() }) } else { Ok(records) }
}

/// Rows of JSON need not have the same keys; a column is what any of them has.
fn names(records: &Records) -> Vec<&String> {
    let mut seen = HashSet::new();
    records.iter().flat_map(|(_, record)| record.keys()).filter(|key| seen.insert(*key)).collect()
}

/// The rows in the bytes of a table; `path` is what errors call it.
pub(crate) fn parse(bytes: &[u8], form: Form, columns: &Columns<'_>, path: &Path) -> Result<Vec<Row>, RowsError> {
    let named = [Some(columns.prompt), Some(columns.answer), columns.id, columns.group, columns.kind];
    let named: Vec<&str> = named.into_iter().flatten().collect();
    let records = records(bytes, form, &named, path)?;
    let known = names(&records);
    if let Some(name) = named.iter().find(|name| !known.iter().any(|known| known == *name)) {
        let known = known.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(RowsError::NoColumn { path: path.to_owned(), name: (*name).to_owned(), known });
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
    Ok(Row { id, prompt, answer, group, kind, ..Row::default() })
}

/// Lines, counted from 1, and what they hold.
type Records = Vec<(usize, Map<String, Value>)>;

/// What may stand between the fields of a .csv: commas, or what spreadsheets of other countries write.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// What stands between the fields of `text`: what makes `wanted` columns of its first line.
fn detected(text: &str, wanted: &[&str]) -> u8 {
    let columns = |delimiter: u8| {
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        let names = reader.headers().map(|names| names.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>());
        names.unwrap_or_default()
    };
    let all = DELIMITERS.map(|delimiter| (delimiter, columns(delimiter)));
    let fits = all.iter().find(|(_, names)| wanted.iter().all(|name| names.iter().any(|known| known == name)));
    // Of equals the first: a comma.
    let most = || all.iter().rev().max_by_key(|(_, names)| names.len());
    fits.or_else(most).map_or(b',', |(delimiter, _)| *delimiter)
}

/// The first line of Excel that names what stands between the fields, and what follows it.
fn named_delimiter(text: &str) -> Option<(u8, &str)> {
    let (line, rest) = text.split_once('\n')?;
    match line.trim_end_matches('\r').as_bytes() {
        [b's', b'e', b'p', b'=', delimiter] => Some((*delimiter, rest)),
        _ => None,
    }
}

/// The line in which a quote opens that nothing closes: it would swallow every row after it.
fn unclosed(text: &str, delimiter: u8) -> Option<usize> {
    let (mut line, mut opened, mut begins) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        line += usize::from(byte == b'\n');
        match (opened, byte) {
            (Some(_), b'"') if bytes.peek() == Some(&b'"') => drop(bytes.next()),
            (Some(_), b'"') => (opened, begins) = (None, false),
            (Some(_), _) => {}
            (None, b'"') if begins => opened = Some(line),
            (None, byte) => begins = byte == delimiter || byte == b'\n' || byte == b'\r',
        }
    }
    opened
}

fn separated(text: &str, delimiter: Option<u8>, wanted: &[&str], path: &Path) -> Result<Records, RowsError> {
    let fail = |source: csv::Error| RowsError::Table { path: path.to_owned(), source };
    let (delimiter, text, skipped) = match (delimiter, named_delimiter(text)) {
        (Some(delimiter), _) => (delimiter, text, 0),
        (None, Some((delimiter, rest))) => (delimiter, rest, 1),
        (None, None) => (detected(text, wanted), text, 0),
    };
    if let Some(line) = unclosed(text, delimiter) {
        return Err(RowsError::Quote { path: path.to_owned(), line: line + skipped });
    }
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().map_err(fail)?.iter().map(|name| name.trim().to_owned()).collect();
    let (mut seen, mut twice) = (HashSet::new(), BTreeSet::new());
    twice.extend(names.iter().filter(|name| !name.is_empty() && !seen.insert(*name)).cloned());
    if !twice.is_empty() {
        let names = twice.into_iter().collect::<Vec<_>>().join("`, `");
        return Err(RowsError::TwoColumns { path: path.to_owned(), names });
    }
    // Spreadsheets leave columns behind that have neither a name nor a value.
    let width = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    let (mut records, mut faults) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(fail)?;
        let line = record.position().map_or(0, csv::Position::line);
        let line = usize::try_from(line).unwrap_or(usize::MAX).saturating_add(skipped);
        // And rows of nothing but delimiters.
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let nameless =
            |(at, field): &(usize, &str)| names.get(*at).is_none_or(String::is_empty) && !field.trim().is_empty();
        if record.len() < width || record.iter().enumerate().skip(names.len()).any(|one| nameless(&one)) {
            faults.push((line, RowFault::Ragged { found: record.len(), expected: names.len() }));
        } else if let Some((at, value)) = record.iter().enumerate().find(nameless) {
            faults.push((line, RowFault::Nameless { column: at + 1, value: value.trim().to_owned() }));
        } else {
            let fields = names.iter().cloned().zip(record.iter().map(Value::from)).filter(|(name, _)| !name.is_empty());
            records.push((line, fields.collect()));
        }
    }
    if faults.is_empty() { Ok(records) } else { Err(RowsError::Rows { path: path.to_owned(), faults }) }
}

fn lines(text: &str, path: &Path) -> Result<Records, RowsError> {
    let (mut records, mut faults) = (Vec::new(), Vec::new());
    for (line, number) in text.lines().zip(1..) {
        match serde_json::from_str(line) {
            _ if line.trim().is_empty() => {}
            Ok(Object(record)) => records.push((number, record)),
            Err(error) => match serde_json::from_str(line) {
                Ok(Value::Object(_)) | Err(_) => faults.push((number, error.into())),
                Ok(_) => faults.push((number, RowFault::NoObject)),
            },
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
            (Form::Separated(None), b"", "has no rows"),
            (Form::Separated(None), b"q,a,n\n", "has no rows"),
            (Form::Separated(None), b"q,a\n1,2\n", "no column `n`; its columns are q, a"),
            (Form::Separated(None), b"q,a,n,q\n1,2,3,4\n", "two columns `q`"),
            (Form::Separated(None), b"q,a,n,q,n\n1,2,3,4,5\n", "two columns `n`, `q`"),
            (Form::Separated(None), b"q,a,n\n1,2\n1,2,3,4\n", "line 3: 4 fields, the first line names 3"),
            (
                Form::Separated(None),
                b"q,a,n,\n1,2,3,\n1,2,4,x\n",
                "line 3: \"x\" stands in column 4, which has no name",
            ),
            (Form::Separated(None), b"q,a,n\n1,\"2,3\n4,5,6\n", "the quote that opens in line 2 is never closed"),
            (Form::Separated(None), b"sep=;\nq;a;n\n1;2\n", "line 3: 2 fields"),
            (Form::Separated(None), b"q,a,n\n\xff,2,3\n", "UTF-8"),
            (Form::Separated(Some(b'\t')), b"q\ta\tn\n1\t2\t \n\t3\tx\n", "line 2: `n` is empty; line 3: `q` is empty"),
            (Form::Separated(None), b"q,a,n\n1,2,x\n3,4,y\n5,6,x\n", "line 4: task \"x\" is already in line 2"),
            (Form::Lines, b"{\"q\":1,\"a\":2,\"n\":3}\n[1]\nx", "line 2: no JSON object; line 3: expected value"),
            (Form::Lines, b"{\"q\":1,\"a\":2,\"n\":3,\"q\":4}", "line 1: `q` stands there twice"),
            (Form::Lines, b"{\"q\":1,\"n\":3}\n{\"q\":1,\"a\":2,\"n\":3}", "line 1: `a` is empty"),
            (Form::Lines, b"{\"q\":1,\"n\":3}", "no column `a`; its columns are q, n"),
            (Form::Lines, b"{\"q\":[1],\"a\":2,\"n\":3}", "line 1: `q` is neither a text nor a number"),
            (Form::Lines, b"\xff", "not UTF-8 after byte 0"),
        ];
        for (form, bytes, expected) in cases {
            let error = parse(bytes, *form, &columns, Path::new("t")).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} should say {expected}");
        }
        let rows =
            parse("\u{feff}q,a,n\n\"one\n two\",4.5,x\n".as_bytes(), Form::Separated(None), &columns, Path::new("t"));
        let row = rows.unwrap().remove(0);
        assert_eq!((&*row.id, &*row.prompt, row.answer), ("x", "one\n two", Value::from("4.5")));
    }

    #[test]
    fn tables_as_spreadsheets_leave_them_are_read() {
        let columns = Columns { prompt: "q", answer: "a", id: None, group: Some("g"), kind: None };
        let wide: Vec<u8> = "\u{feff}q\ta\tg\nx, y\t1\t\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (form, bytes) in [
            (Form::Separated(None), "q,a,g\n\"x, y\",1,\n".as_bytes()),
            (Form::Separated(None), "q,a,g,,,\r\n\"x, y\",1,,,,\r\n,,,,,\r\n\r\n".as_bytes()),
            (Form::Separated(None), "q,a,g,,\n\"x, y\",1,\n".as_bytes()),
            (Form::Separated(None), "q;a;g\nx, y;1;\n".as_bytes()),
            (Form::Separated(None), "sep=|\r\nq|a|g\r\nx, y|1|\r\n".as_bytes()),
            (Form::Separated(None), &wide),
            (Form::Lines, "{\"a\": \"1\", \"q\": \"x, y\"}\n{\"q\": \"z\", \"a\": true, \"g\": null}".as_bytes()),
            (Form::Lines, "{\"q\": \"x, y\", \"a\": \"1\"}\n{\"q\": \"z\", \"a\": 2, \"g\": \"h\"}".as_bytes()),
        ] {
            let shown = String::from_utf8_lossy(bytes);
            let rows = parse(bytes, form, &columns, Path::new("t"));
            // Where no row has a group, no such column is there.
            let Ok(rows) = rows else { panic!("{shown}: {rows:?}") };
            assert_eq!(
                (&*rows[0].prompt, &rows[0].answer, &*rows[0].group),
                ("x, y", &Value::from("1"), ""),
                "{shown}"
            );
        }
    }
}
