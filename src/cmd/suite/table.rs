//! A person's table as rows of a suite: CSV, TSV or JSON lines. Refuses rows it cannot place, all at once and with their
//! lines, and columns that are not there.

use std::path::Path;

use bench_tasks::Row;
use serde_json::Value;

use crate::failure::Failure;

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

/// Reads the table.
pub fn read(path: &Path, columns: &Columns<'_>) -> Result<Vec<Row>, Failure> {
    let fail = |what: String| Failure::input(format!("{}: {what}", path.display()));
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    let records = match &*extension {
        "csv" => separated(path, b',')?,
        "tsv" => separated(path, b'\t')?,
        "jsonl" | "ndjson" => lines(path)?,
        _ => return Err(fail("it is neither .csv, .tsv nor .jsonl".to_owned()).hint("save the table as CSV")),
    };
    let Some((_, first)) = records.first() else {
        return Err(fail("it has no rows".to_owned()));
    };
    let known: Vec<String> = first.keys().cloned().collect();
    let named = [Some(columns.prompt), Some(columns.answer), columns.id, columns.group, columns.kind];
    for name in named.into_iter().flatten() {
        if !known.iter().any(|column| column == name) {
            return Err(fail(format!("no column `{name}`")).hint(format!("its columns are {}", known.join(", "))));
        }
    }
    let width = records.len().to_string().len();
    let row = |(index, (line, record)): (usize, &(u64, serde_json::Map<String, Value>))| -> Result<Row, String> {
        let text = |column: &str| match record.get(column) {
            Some(Value::String(text)) => Ok(text.trim().to_owned()),
            Some(Value::Number(_) | Value::Bool(_)) => Ok(record[column].to_string()),
            Some(Value::Null) | None => Ok(String::new()),
            Some(_) => Err(format!("line {line}: `{column}` is neither a text nor a number")),
        };
        let some = |column: Option<&str>| column.map_or(Ok(String::new()), text);
        let prompt = text(columns.prompt)?;
        let answer = record.get(columns.answer).cloned().unwrap_or_default();
        let answer = answer.as_str().map_or_else(|| answer.clone(), |text| Value::from(text.trim()));
        if prompt.is_empty() || answer.is_null() || answer == "" {
            let column = if prompt.is_empty() { columns.prompt } else { columns.answer };
            return Err(format!("line {line}: `{column}` is empty"));
        }
        Ok(Row {
            id: columns.id.map_or_else(|| Ok(format!("{:0width$}", index + 1)), text)?,
            prompt,
            answer,
            example: String::new(),
            group: some(columns.group)?,
            kind: some(columns.kind)?,
            split: String::new(),
            max_turns: 0,
        })
    };
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for found in records.iter().enumerate().map(row) {
        match found {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(rows);
    }
    let shown = faults.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    Err(fail(format!("{} of {} rows cannot be used: {shown}", faults.len(), records.len())))
}

type Records = Vec<(u64, serde_json::Map<String, Value>)>;

fn separated(path: &Path, delimiter: u8) -> Result<Records, Failure> {
    let fail = |error: csv::Error| Failure::input(format!("{}: {error}", path.display()));
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(path).map_err(fail)?;
    let names = reader.headers().map_err(fail)?.clone();
    let record = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(fail)?;
        let line = record.position().map_or(0, csv::Position::line);
        let name = |name: &str| name.trim_start_matches('\u{feff}').trim().to_owned();
        Ok((line, names.iter().map(name).zip(record.iter().map(Value::from)).collect()))
    };
    reader.records().map(record).collect()
}

fn lines(path: &Path) -> Result<Records, Failure> {
    let fail = |what: String| Failure::input(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let record = |(line, number): (&str, u64)| match serde_json::from_str(line) {
        Ok(Value::Object(record)) => Ok((number, record)),
        Ok(_) => Err(fail(format!("line {number} is no JSON object"))),
        Err(error) => Err(fail(format!("line {number}: {error}"))),
    };
    lines.map(record).collect()
}
