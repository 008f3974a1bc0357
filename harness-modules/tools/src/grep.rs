//! `grep`: lines by a regular expression, searched by the libraries of ripgrep. Skips what is no text and says how many large
//! files it left out.

use std::{fs::File, io, io::Read as _, path::PathBuf};

use grep_matcher::LineTerminator;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkFinish, SinkMatch};
use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::{self, Refusal, clipped, count},
    folder::Folder,
    glob::{here, matcher},
    search::{Walked, note, walk},
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrepConfig {
    results: usize,
    line_bytes: usize,
    seconds: u64,
    hidden: bool,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Grep(GrepConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    pattern: String,
    #[serde(default = "here")]
    path: String,
    #[serde(default)]
    glob: Option<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    files_only: bool,
}

/// Files beyond this are left out.
const LARGE: u64 = 16 << 20;

impl Grep {
    pub fn new(config: GrepConfig) -> Self {
        Self(config)
    }

    fn answer(&self, request: &ToolRequest<'_>, sink: &ToolSink) -> Result<String, Refusal> {
        let folder = Folder::needed(request)?;
        let arguments: Arguments = answer::arguments(request)?;
        let mut pattern = RegexMatcherBuilder::new();
        pattern.case_insensitive(arguments.ignore_case).size_limit(1 << 20).multi_line(true).crlf(true);
        let pattern = pattern.build(&arguments.pattern);
        let pattern = pattern.map_err(|error| Refusal(format!("the pattern is wrong: {error}")))?;
        // A mark at the beginning of a file says that it is UTF-16; a NUL in what is then text, that it is no text.
        let mut searcher = SearcherBuilder::new()
            .line_terminator(LineTerminator::crlf())
            .line_number(true)
            .binary_detection(BinaryDetection::quit(0))
            .build();
        let glob = arguments.glob.as_deref().map(matcher).transpose()?;
        let from = folder.relative(&arguments.path)?;
        let (mut text, mut found, mut large, mut unread) = (String::new(), 0, 0, 0);
        let mut look = |path: PathBuf| -> bool {
            if glob.as_ref().is_some_and(|glob| !glob.is_match(&path)) {
                return true;
            }
            // A link that leads out, or a file that may not be read, is as if it were not there.
            let Ok(file) = folder.open(&path) else { return true };
            if file.metadata().is_ok_and(|file| file.len() > LARGE) {
                large += 1;
                return true;
            }
            let room = self.0.results.saturating_sub(found);
            let most = if arguments.files_only { 1 } else { room + 1 };
            let Ok(lines) = matches(&mut searcher, &pattern, file, most) else {
                unread += 1;
                return true;
            };
            for (number, line) in lines {
                found += 1;
                if found > self.0.results {
                    return false;
                }
                if arguments.files_only {
                    text += &format!("{}\n", path.display());
                    return true;
                }
                let whole = String::from_utf8_lossy(&line);
                let whole = whole.trim_end_matches(['\r', '\n']);
                let shown = clipped(whole, self.0.line_bytes);
                let cut = if shown.len() < whole.len() { " […cut]" } else { "" };
                text += &format!("{}:{number}:{shown}{cut}\n", path.display());
            }
            true
        };
        let walked = match folder.folder(&from) {
            Ok(_) => walk(&folder, &from, self.0.hidden, self.0.seconds, sink, look)?,
            // A single file.
            Err(_) => {
                folder.open(&from)?;
                if look(from) { Walked::All } else { Walked::Enough }
            }
        };
        let shown = found.min(self.0.results);
        if large > 0 {
            text += &format!("[{} of more than {} MiB left out]\n", count(large, "file"), LARGE >> 20);
        }
        if unread > 0 {
            text += &format!("[{} could not be read to the end]\n", count(unread, "file"));
        }
        match (shown, walked) {
            (0, Walked::All) => Ok(format!("no line matches {}\n{text}", arguments.pattern)),
            _ => Ok(text + &note(walked, shown, if arguments.files_only { "files" } else { "lines" }, self.0.seconds)),
        }
    }
}

/// Line numbers, from 1, and lines of a file that match, at most so many. None where the file is no text.
fn matches(
    searcher: &mut Searcher,
    pattern: &RegexMatcher,
    file: File,
    most: usize,
) -> Result<Vec<(u64, Vec<u8>)>, io::Error> {
    let mut lines = Lines { found: Vec::new(), most, text: true };
    // It may have grown since its size was asked for.
    searcher.search_reader(pattern, file.take(LARGE), &mut lines)?;
    Ok(if lines.text { lines.found } else { Vec::new() })
}

/// What a search of one file finds.
struct Lines {
    found: Vec<(u64, Vec<u8>)>,
    most: usize,
    text: bool,
}

impl Sink for Lines {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        self.found.push((found.line_number().unwrap_or_default(), found.bytes().to_vec()));
        Ok(self.found.len() < self.most)
    }

    fn finish(&mut self, _: &Searcher, finish: &SinkFinish) -> Result<(), io::Error> {
        self.text = finish.binary_byte_offset().is_none();
        Ok(())
    }
}

impl Tool for Grep {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "grep".to_owned(),
            description: "Finds lines of the workspace's text files that match a regular expression; shows path, line number and line.".to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "pattern": {"type": "string", "description": "A regular expression, matched line by line"},
                    "path": {"type": "string", "description": "The folder or file to look in; all of the workspace without it"},
                    "glob": {"type": "string", "description": "Only files whose path matches, such as *.py"},
                    "ignore_case": {"type": "boolean", "description": "Whether capital letters do not matter"},
                    "files_only": {"type": "boolean", "description": "Only the names of the files"}
                },
                "required": ["pattern"],
                "additionalProperties": false
            }),
            read_only: true,
            idempotent: true,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, sink: &ToolSink) -> Result<ToolOutput, ModuleError> {
        answer::output(self.answer(request, sink))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::tests::call;

    #[test]
    fn lines_are_found_and_links_are_not_followed() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("secret"), "needle s3cret").unwrap();
        let put = |name: &str, bytes: &[u8]| std::fs::write(here.path().join(name), bytes).unwrap();
        put("a.txt", b"one needle\r\ntwo\nNEEDLE three\n");
        put("b.py", format!("needle {}\n", "x".repeat(40)).as_bytes());
        put("c.bin", b"\0needle");
        put("c2.bin", b"needle\n\0\n");
        put("utf16.txt", &b"\xff\xfen\0i\0n\0e\0\n\0"[..]);
        std::os::unix::fs::symlink(elsewhere.path().join("secret"), here.path().join("d.txt")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), here.path().join("e")).unwrap();
        let grep = |results| Grep::new(GrepConfig { results, line_bytes: 20, seconds: 20, hidden: false });
        for (arguments, expected) in [
            (json!({"pattern": "needle"}), "a.txt:1:one needle\nb.py:1:needle xxxxxxxxxxxxx […cut]\n"),
            (
                json!({"pattern": "needle", "ignore_case": true, "glob": "*.txt"}),
                "a.txt:1:one needle\na.txt:3:NEEDLE three\n",
            ),
            (json!({"pattern": "needle", "files_only": true}), "a.txt\nb.py\n"),
            (json!({"pattern": "^two$", "path": "a.txt"}), "a.txt:2:two\n"),
            (json!({"pattern": "one needle$", "path": "a.txt"}), "a.txt:1:one needle\n"),
            (json!({"pattern": "^nine$"}), "utf16.txt:1:nine\n"),
            (json!({"pattern": "nothing"}), "no line matches nothing\n"),
        ] {
            assert_eq!(call(&grep(10), here.path(), &arguments).text, expected, "{arguments}");
        }
        for (arguments, expected) in [
            (json!({"pattern": "needle", "path": "d.txt"}), "is outside the workspace"),
            (json!({"pattern": "needle", "path": "../"}), "is outside the workspace"),
            (json!({"pattern": "("}), "the pattern is wrong"),
            (json!({"pattern": "two\nNEEDLE"}), "the pattern is wrong"),
        ] {
            let output = call(&grep(10), here.path(), &arguments);
            assert!(output.is_error && output.text.contains(expected), "{}", output.text);
        }
        let one = call(&grep(1), here.path(), &json!({"pattern": "needle"})).text;
        assert_eq!(one, "a.txt:1:one needle\n[the first 1 lines; there are more: narrow the pattern or the path]\n");
    }
}
