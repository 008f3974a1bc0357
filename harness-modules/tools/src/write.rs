//! `write`: a whole file. Refuses files beyond its limit; nothing is written then.

use std::io::Write as _;

use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::{self, Refusal, count},
    folder::Folder,
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteConfig {
    bytes: usize,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Write(WriteConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    content: String,
}

impl Write {
    pub fn new(config: WriteConfig) -> Self {
        Self(config)
    }

    fn answer(&self, request: &ToolRequest<'_>) -> Result<String, Refusal> {
        let folder = Folder::needed(request)?;
        let Arguments { path, content } = answer::arguments(request)?;
        if content.len() > self.0.bytes {
            return Err(Refusal(format!(
                "{path} would have {} bytes, a file may have {}; nothing was written: write it in parts",
                content.len(),
                self.0.bytes
            )));
        }
        let mut file = folder.create(&folder.relative(&path)?)?;
        file.write_all(content.as_bytes())?;
        Ok(format!("wrote {path}: {}, {} bytes", count(content.lines().count(), "line"), content.len()))
    }
}

impl Tool for Write {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "write".to_owned(),
            description: "Writes a file of the workspace, in place of what it held; makes the folders it lies in."
                .to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "The file, relative to the workspace"},
                    "content": {"type": "string", "description": "All of it"}
                },
                "required": ["path", "content"],
                "additionalProperties": false
            }),
            read_only: false,
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

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let here = tempfile::tempdir().unwrap();
        let tool = Write::new(WriteConfig { bytes: 20 });
        let written = call(&tool, here.path(), &json!({"path": "a/b/c.txt", "content": "one\ntwo\n"}));
        assert_eq!((written.is_error, &*written.text), (false, "wrote a/b/c.txt: 2 lines, 8 bytes"));
        call(&tool, here.path(), &json!({"path": "a/b/c.txt", "content": "x"}));
        let refused = call(&tool, here.path(), &json!({"path": "a/b/c.txt", "content": "x".repeat(21)}));
        assert!(refused.is_error && refused.text.contains("nothing was written"), "{}", refused.text);
        assert_eq!(std::fs::read_to_string(here.path().join("a/b/c.txt")).unwrap(), "x");
        assert!(call(&tool, here.path(), &json!({"path": "a/b", "content": ""})).is_error);
    }
}
