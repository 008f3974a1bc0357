//! A row of a file of tasks, and the reading of all of them. Refuses a file in which any row is at fault.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Seek},
    path::Path,
};

use harness_abi::Task;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    choice::{self, Asked},
    error::{RowFault, RowsError},
    input,
};

/// One task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Unique in the file.
    pub id: String,
    /// What the agent is asked.
    pub prompt: String,
    /// What the grader compares with: a text, a number, or a list of them.
    #[serde(default, deserialize_with = "input::answer", skip_serializing_if = "Value::is_null")]
    pub answer: Value,
    /// Texts of which one is the answer; none where the answer is in words of one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whether the options stay in the order of the row, as "none of these" must; else the task's seed shuffles them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed_order: bool,
    /// A right reply, where it does not follow from the answer; `harness suite check` plays it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub example: String,
    /// Tasks that stand or fall together; the task itself when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// What is known of it before it is run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The split it is meant for; drawn when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// Most steps it allows; 0 leaves it to the harness's budget.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_turns: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Row {
    /// The reply that is right, where it is known: the example, or else the answer.
    pub fn right(&self) -> Option<String> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        };
        match &self.answer {
            _ if !self.example.is_empty() => Some(self.example.clone()),
            Value::Array(all) => all.first().and_then(text),
            one => text(one),
        }
    }
}

impl From<Row> for Task {
    fn from(row: Row) -> Self {
        let asked = Asked::of(&row);
        Self {
            group: if row.group.is_empty() { row.id.clone() } else { row.group },
            id: row.id,
            split: row.split,
            kind: row.kind,
            // What is asked; the rest is for the grader alone.
            data: serde_json::to_value(&asked).unwrap_or_default(),
            prompt: asked.text(),
            max_turns: row.max_turns,
            gold: serde_json::json!({"answer": row.answer, "example": row.example}),
        }
    }
}

/// The file's SHA-256 in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Reads a file of rows, line by line; `sha256` is the digest it must have, if any.
///
/// # Errors
///
/// If the file cannot be read, is another one, or any row is at fault; all rows at fault are in the error.
pub fn read(path: &Path, sha256: &str) -> Result<Vec<Row>, RowsError> {
    let fail = |source| RowsError::Io { path: path.to_owned(), source };
    let mut file = harness_files::open(path).map_err(fail)?;
    let mut mark = [0; 2];
    let marked = file.read(&mut mark).map_err(fail)?;
    if input::is_wide(mark.get(..marked).unwrap_or_default()) {
        let bytes = harness_files::read(path, input::MOST).map_err(fail)?;
        return unchanged(digest(&bytes), sha256, path).and_then(|()| parse(&bytes, path));
    }
    file.rewind().map_err(fail)?;
    let (mut reader, mut line) = (BufReader::new(file.take(input::MOST + 1)), Vec::new());
    let (mut digest, mut rows, mut at, mut encoding) = (Sha256::new(), Rows::default(), 0, None);
    // To the end whatever is wrong: that it is another file is said first.
    while reader.read_until(b'\n', &mut line).map_err(fail)? > 0 {
        digest.update(&line);
        if encoding.is_none() {
            match input::piece(&line, at) {
                Ok(text) => rows.line(text),
                Err(fault) => encoding = Some(fault),
            }
        }
        at += line.len();
        line.clear();
    }
    if at as u64 > input::MOST {
        let why = format!("it is larger than {} bytes", input::MOST);
        return Err(fail(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    unchanged(hex::encode(digest.finalize()), sha256, path)?;
    match encoding {
        Some(source) => Err(RowsError::Encoding { path: path.to_owned(), source }),
        None => rows.done(path),
    }
}

fn unchanged(found: String, wanted: &str, path: &Path) -> Result<(), RowsError> {
    match wanted.is_empty() || found == wanted {
        true => Ok(()),
        false => Err(RowsError::Changed { path: path.to_owned() }),
    }
}

/// The rows in the bytes of a file; `path` is what errors call it.
pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Row>, RowsError> {
    let text = input::text(bytes).map_err(|source| RowsError::Encoding { path: path.to_owned(), source })?;
    let mut rows = Rows::default();
    text.lines().for_each(|line| rows.line(line));
    rows.done(path)
}

/// Rows on the way in, and what is wrong with them.
#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    faults: Vec<(usize, RowFault)>,
    /// Lines so far.
    number: usize,
    /// Where each id stands.
    lines: HashMap<String, usize>,
    /// The split of each group.
    splits: HashMap<String, String>,
}

impl Rows {
    fn line(&mut self, line: &str) {
        self.number += 1;
        if line.trim().is_empty() {
            return;
        }
        match checked(line, self.number, &mut self.lines, &mut self.splits) {
            Ok(row) => self.rows.push(row),
            Err(fault) => self.faults.push((self.number, fault)),
        }
    }

    fn done(self, path: &Path) -> Result<Vec<Row>, RowsError> {
        match (self.faults.is_empty(), self.rows.is_empty()) {
            (false, _) => Err(RowsError::Rows { path: path.to_owned(), faults: self.faults }),
            (true, true) => Err(RowsError::Empty { path: path.to_owned() }),
            (true, false) => Ok(self.rows),
        }
    }
}

fn checked(
    line: &str,
    number: usize,
    lines: &mut HashMap<String, usize>,
    splits: &mut HashMap<String, String>,
) -> Result<Row, RowFault> {
    let row: Row = serde_json::from_str(line)?;
    if row.id.trim().is_empty() {
        return Err(RowFault::NoId);
    }
    if row.prompt.trim().is_empty() {
        return Err(RowFault::NoPrompt(row.id));
    }
    if let Err(source) = choice::checked(&row) {
        return Err(RowFault::Options { id: row.id, source });
    }
    if let Some(first) = lines.get(&row.id) {
        return Err(RowFault::Twice { id: row.id, first: *first });
    }
    lines.insert(row.id.clone(), number);
    if !row.group.is_empty() {
        let other = splits.entry(row.group.clone()).or_insert_with(|| row.split.clone());
        if *other != row.split {
            let other = other.clone();
            return Err(RowFault::Straddles { id: row.id, split: row.split, group: row.group, other });
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &[u8]) -> Result<Vec<Row>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path, "").map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
    }

    #[test]
    fn every_fault_is_named_with_its_line() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "FILE holds no task"),
            (b"\n  \n", "FILE holds no task"),
            (b"{\"id\": \"a\"}", "FILE: line 1: missing field `prompt`"),
            (b"{\"id\": \"\", \"prompt\": \"p\"}", "FILE: line 1: the id is empty"),
            (b"{\"id\": \"a\", \"prompt\": \" \"}", "FILE: line 1: task \"a\" has an empty prompt"),
            (b"{\"id\": \"a\", \"prompt\": \"p\", \"anser\": 1}", "unknown field `anser`, expected one of `id`"),
            (b"{\"id\":\"a\",\"prompt\":\"p\"}\n\n{\"id\":\"a\",\"prompt\":\"q\"}", "line 3: task \"a\" is already in line 1"),
            (
                b"{\"id\":\"a\",\"prompt\":\"p\",\"group\":\"g\"}\n{\"id\":\"b\",\"prompt\":\"q\",\"group\":\"g\",\"split\":\"test\"}",
                "others of its group \"g\" in \"\"",
            ),
            (b"x\ny\nz\nx\ny\nz\n", "and 1 more"),
            (b"{\"id\": \"a\", \"prompt\": \"\xff\"}", "not UTF-8 after byte 23"),
        ];
        for (text, expected) in cases {
            let error = read_text(text).unwrap_err();
            assert!(error.contains(expected), "{error} should say {expected}");
        }
    }

    #[test]
    fn rows_become_tasks_and_nothing_of_the_answer_reaches_the_agent() {
        let rows = read_text(
            "\u{feff}{\"id\":\"a\",\"prompt\":\"2+2?\",\"answer\":[4,\"four\"],\"kind\":\"sum\"}\r\n".as_bytes(),
        );
        let row = rows.unwrap().remove(0);
        assert_eq!(row.right().as_deref(), Some("4"));
        let task = Task::from(row);
        assert_eq!((&*task.id, &*task.group, &*task.kind, &*task.prompt), ("a", "a", "sum", "2+2?"));
        assert_eq!(task.data, "2+2?");
        assert_eq!(task.gold["answer"], serde_json::json!([4, "four"]));
        let long = r#"{"id": "a", "prompt": "p", "answer": 12345678901234567890123}"#;
        assert_eq!(read_text(long.as_bytes()).unwrap()[0].answer, "12345678901234567890123");
    }

    #[test]
    fn a_file_that_changed_is_another_benchmark() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.jsonl");
        let text = b"{\"id\":\"a\",\"prompt\":\"p\"}";
        std::fs::write(&path, text).unwrap();
        assert_eq!(read(&path, &digest(text)).unwrap().len(), 1);
        std::fs::write(&path, b"{\"id\":\"b\",\"prompt\":\"p\"}").unwrap();
        assert!(matches!(read(&path, &digest(text)), Err(RowsError::Changed { .. })));
    }
}
