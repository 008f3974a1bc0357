//! `read`: lines of a text file, numbered. Reads no more than it shows; refuses what is no text.

use std::io::{BufRead, BufReader, Read as _, Seek};

use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::{self, Refusal},
    folder::Folder,
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadConfig {
    lines: usize,
    output_bytes: usize,
    line_bytes: usize,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Read(ReadConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    #[serde(default)]
    offset: usize,
    #[serde(default)]
    limit: usize,
}

/// What a file that holds these bytes at its beginning is: text, if none of them is zero.
const LOOKED_AT: usize = 8192;

impl Read {
    pub fn new(mut config: ReadConfig) -> Self {
        // A line always fits, so that reading on gets on.
        config.line_bytes = config.line_bytes.min(config.output_bytes / 2);
        Self(config)
    }

    fn answer(&self, request: &ToolRequest<'_>) -> Result<String, Refusal> {
        let folder = Folder::needed(request)?;
        let arguments: Arguments = answer::arguments(request)?;
        let mut file = folder.open(&folder.relative(&arguments.path)?)?;
        let size = file.metadata()?.len();
        let mut first = vec![0; LOOKED_AT];
        let looked = file.read(&mut first)?;
        if first.get(..looked).is_some_and(|bytes| bytes.contains(&0)) {
            return Err(Refusal(format!("{} is no text: {size} bytes of something else", arguments.path)));
        }
        if size == 0 {
            return Ok(format!("{} is empty", arguments.path));
        }
        file.rewind()?;
        self.lines(&arguments, BufReader::new(file), size)
    }

    fn lines(&self, arguments: &Arguments, mut from: impl BufRead, size: u64) -> Result<String, Refusal> {
        let begin = arguments.offset.max(1);
        let most = if arguments.limit == 0 { self.0.lines } else { arguments.limit.min(self.0.lines) };
        let (mut text, mut number, mut passed) = (String::new(), 0usize, 0u64);
        while let Some(line) = line(&mut from, self.0.line_bytes)? {
            number += 1;
            if number >= begin {
                let shown = String::from_utf8_lossy(&line.begin);
                let shown = shown.trim_end_matches('\r');
                let note =
                    if line.cut > 0 { format!(" […{} bytes of this line cut]", line.cut) } else { String::new() };
                let entry = format!("{number:>6}\t{shown}{note}\n");
                if number - begin == most || text.len() + entry.len() > self.0.output_bytes {
                    let left = size.saturating_sub(passed);
                    text += &format!(
                        "[lines {begin} to {} shown; {left} of {size} bytes follow: read on with offset {number}]",
                        number - 1
                    );
                    return Ok(text);
                }
                text += &entry;
            }
            passed += line.length;
        }
        if text.is_empty() {
            let lines = answer::count(number, "line");
            return Err(Refusal(format!("{} has only {lines}, offset {begin} is beyond", arguments.path)));
        }
        Ok(text)
    }
}

/// A line of a file.
struct Line {
    /// Its beginning, without the end of the line.
    begin: Vec<u8>,
    /// Bytes of it that are not there.
    cut: u64,
    /// Bytes it takes in the file.
    length: u64,
}

/// The next line, of which `most` bytes are kept; `None` at the end.
fn line(from: &mut impl BufRead, most: usize) -> std::io::Result<Option<Line>> {
    let mut line = Line { begin: Vec::new(), cut: 0, length: 0 };
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok((line.length > 0).then_some(line));
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let text = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        let kept = text.get(..text.len().min(most - line.begin.len())).unwrap_or_default();
        line.begin.extend_from_slice(kept);
        line.cut += (text.len() - kept.len()) as u64;
        let used = text.len() + usize::from(end.is_some());
        line.length += used as u64;
        from.consume(used);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

impl Tool for Read {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "read".to_owned(),
            description: format!(
                "Shows a text file of the workspace with line numbers, at most {} lines; offset and limit choose which.",
                self.0.lines
            ),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "The file, relative to the workspace"},
                    "offset": {"type": "integer", "minimum": 1, "description": "The first line shown; 1 without it"},
                    "limit": {"type": "integer", "minimum": 1, "description": "How many lines"}
                },
                "required": ["path"],
                "additionalProperties": false
            }),
            read_only: true,
            idempotent: true,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        answer::output(self.answer(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::tests::call;

    fn read(lines: usize, bytes: usize) -> Read {
        Read::new(ReadConfig { lines, output_bytes: bytes, line_bytes: 10 })
    }

    #[test]
    fn what_is_cut_is_said_and_how_to_go_on() {
        let here = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| std::fs::write(here.path().join(name), bytes).unwrap();
        put("five", b"one\ntwo\r\nthree\nfour\nfive");
        put("long", b"0123456789abc\n0123456789\n");
        put("empty", b"");
        put("binary", b"a\0b");
        put("latin", b"caf\xe9\n");
        for (arguments, expected) in [
            (
                json!({"path": "five"}),
                "     1\tone\n     2\ttwo\n     3\tthree\n[lines 1 to 3 shown; 9 of 24 bytes follow: read on with offset 4]",
            ),
            (json!({"path": "five", "offset": 4}), "     4\tfour\n     5\tfive\n"),
            (
                json!({"path": "five", "offset": 2, "limit": 1}),
                "     2\ttwo\n[lines 2 to 2 shown; 15 of 24 bytes follow: read on with offset 3]",
            ),
            (json!({"path": "five", "offset": 9}), "five has only 5 lines, offset 9 is beyond"),
            (json!({"path": "long"}), "     1\t0123456789 […3 bytes of this line cut]\n     2\t0123456789\n"),
            (json!({"path": "empty"}), "empty is empty"),
            (json!({"path": "binary"}), "binary is no text: 3 bytes of something else"),
            (json!({"path": "latin"}), "     1\tcaf\u{fffd}\n"),
            (json!({"path": "."}), ". is a folder"),
            (json!({"path": "none"}), "there is no none in the workspace"),
            (
                json!({"file": "five"}),
                "the arguments of read are wrong: unknown field `file`, expected one of `path`, `offset`, `limit` at line 1 column 7",
            ),
        ] {
            assert_eq!(call(&read(3, 4096), here.path(), &arguments).text, expected, "{arguments}");
        }
        let cut = call(&read(100, 40), here.path(), &json!({"path": "five", "offset": 1})).text;
        assert!(cut.ends_with("three\n[lines 1 to 3 shown; 9 of 24 bytes follow: read on with offset 4]"), "{cut}");
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let from = BufReader::new(std::io::repeat(b'x').take(50 << 20));
        let tool = read(3, 4096);
        let arguments = Arguments { path: "x".into(), offset: 1, limit: 0 };
        let text = tool.lines(&arguments, from, 50 << 20).unwrap_or_default();
        assert_eq!(text, "     1\txxxxxxxxxx […52428790 bytes of this line cut]\n");
    }
}
