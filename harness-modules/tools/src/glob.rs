//! `glob`: files by name.

use std::path::Path;

use globset::GlobBuilder;
use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::{self, Refusal},
    folder::Folder,
    search::{Walked, note, walk},
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GlobConfig {
    results: usize,
    seconds: u64,
    hidden: bool,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Glob(GlobConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    pattern: String,
    #[serde(default = "here")]
    path: String,
}

pub(crate) fn here() -> String {
    ".".to_owned()
}

/// A pattern that `*` and `?` of do not cross folders, and that matches at any depth when it names no folder.
pub(crate) fn matcher(pattern: &str) -> Result<globset::GlobMatcher, Refusal> {
    let anywhere = if pattern.contains('/') { pattern.to_owned() } else { format!("**/{pattern}") };
    let glob = GlobBuilder::new(&anywhere).literal_separator(true).build();
    Ok(glob.map_err(|error| Refusal(format!("the pattern {pattern:?} is wrong: {}", error.kind())))?.compile_matcher())
}

impl Glob {
    pub fn new(config: GlobConfig) -> Self {
        Self(config)
    }

    fn answer(&self, request: &ToolRequest<'_>, sink: &ToolSink) -> Result<String, Refusal> {
        let folder = Folder::needed(request)?;
        let arguments: Arguments = answer::arguments(request)?;
        let matcher = matcher(&arguments.pattern)?;
        let from = folder.relative(&arguments.path)?;
        let below = folder.folder(&from)?;
        let mut found = Vec::new();
        let mut walked = walk(&folder, &from, self.0.hidden, self.0.seconds, sink, |path| {
            let matches = matcher.is_match(path.strip_prefix(&below).unwrap_or(Path::new("")));
            if matches {
                found.push(path);
            }
            found.len() <= self.0.results
        })?;
        if found.len() <= self.0.results && walked == Walked::Enough {
            walked = Walked::All;
        }
        found.truncate(self.0.results);
        if found.is_empty() && walked == Walked::All {
            return Ok(format!("no file matches {}", arguments.pattern));
        }
        let names: String = found.iter().map(|path| format!("{}\n", path.display())).collect();
        Ok(names + &note(walked, found.len(), "files", self.0.seconds))
    }
}

impl Tool for Glob {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "glob".to_owned(),
            description: "Finds files of the workspace whose path matches a pattern, such as *.py or src/**/*.rs."
                .to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "pattern": {"type": "string", "description": "* stands for anything in a name, ** for any folders, ? for one character, {a,b} for either"},
                    "path": {"type": "string", "description": "The folder to look in; all of the workspace without it"}
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
    fn files_are_found_by_name_and_not_through_links() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("far.rs"), "").unwrap();
        for path in
            ["a.rs", "src/b.rs", "src/deep/c.rs", "src/d.py", ".hidden.rs", "target/e.rs", ".harness/f.rs", ".git/g.rs"]
        {
            let path = here.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::write(here.path().join(".gitignore"), "target\n").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), here.path().join("far")).unwrap();
        let glob = |results, hidden| Glob::new(GlobConfig { results, seconds: 20, hidden });
        for (arguments, expected) in [
            (json!({"pattern": "*.rs"}), "a.rs\nsrc/b.rs\nsrc/deep/c.rs\n"),
            (json!({"pattern": "src/*.rs"}), "src/b.rs\n"),
            (json!({"pattern": "src/**/*.{rs,py}"}), "src/b.rs\nsrc/d.py\nsrc/deep/c.rs\n"),
            (json!({"pattern": "*.rs", "path": "src/deep"}), "src/deep/c.rs\n"),
            (json!({"pattern": "*.go"}), "no file matches *.go"),
            (json!({"pattern": "*.rs", "path": "far"}), "far is outside the workspace"),
            (json!({"pattern": "*.rs", "path": "/"}), "/ is outside the workspace"),
            (json!({"pattern": "[z-a]"}), "the pattern \"[z-a]\" is wrong: invalid range"),
        ] {
            let text = call(&glob(10, false), here.path(), &arguments).text;
            assert!(
                text.starts_with(expected) && (text == expected || !expected.ends_with('\n')),
                "{arguments}: {text}"
            );
        }
        let all = call(&glob(10, true), here.path(), &json!({"pattern": "*.rs"})).text;
        assert_eq!(all, ".hidden.rs\na.rs\nsrc/b.rs\nsrc/deep/c.rs\ntarget/e.rs\n");
        let two = call(&glob(2, false), here.path(), &json!({"pattern": "*.rs"})).text;
        assert_eq!(two, "a.rs\nsrc/b.rs\n[the first 2 files; there are more: narrow the pattern or the path]\n");
        let three = call(&glob(3, false), here.path(), &json!({"pattern": "*.rs"})).text;
        assert_eq!(three, "a.rs\nsrc/b.rs\nsrc/deep/c.rs\n");
    }
}
