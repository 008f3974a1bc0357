//! `edit`: a text replaced by another. Refuses a text that is not there, or there more than once, and says where.

use std::io::{Read as _, Write as _};

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
pub(crate) struct EditConfig {
    bytes: u64,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Edit(EditConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    old_string: String,
    new_string: String,
    #[serde(default)]
    replace_all: bool,
}

/// Places named when a text is there more than once.
const NAMED: usize = 10;

impl Edit {
    pub fn new(config: EditConfig) -> Self {
        Self(config)
    }

    fn answer(&self, request: &ToolRequest<'_>) -> Result<String, Refusal> {
        let folder = Folder::needed(request)?;
        let arguments: Arguments = answer::arguments(request)?;
        let path = folder.relative(&arguments.path)?;
        let file = folder.open(&path)?;
        let mut bytes = Vec::new();
        file.take(self.0.bytes + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.0.bytes {
            return Err(Refusal(format!("{} has more than {} bytes", arguments.path, self.0.bytes)));
        }
        let text = String::from_utf8(bytes).map_err(|_| Refusal(format!("{} is no UTF-8 text", arguments.path)))?;
        let (changed, at) = replaced(&text, &arguments)?;
        folder.create(&path)?.write_all(changed.as_bytes())?;
        let places = at.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Ok(format!("replaced {} in {}, line {places}", count(at.len(), "occurrence"), arguments.path))
    }
}

/// The text after the replacement, and the lines where it begins.
fn replaced(text: &str, arguments: &Arguments) -> Result<(String, Vec<usize>), Refusal> {
    let Arguments { path, old_string: old, new_string: new, replace_all } = arguments;
    if old.is_empty() {
        return Err(Refusal("old_string is empty; `write` makes a new file".to_owned()));
    }
    if old == new {
        return Err(Refusal("old_string and new_string are the same".to_owned()));
    }
    // Models write \n; files from elsewhere may have \r\n, and keep it.
    let foreign = !text.contains(old.as_str()) && text.contains("\r\n") && !old.contains('\r');
    let (old, new) = match foreign {
        true => (old.replace('\n', "\r\n"), new.replace('\n', "\r\n")),
        false => (old.clone(), new.clone()),
    };
    let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let at: Vec<usize> = text.match_indices(&old).map(|(at, _)| line(at)).collect();
    match at.len() {
        0 => Err(Refusal(format!(
            "old_string is not in {path}; it must be there to the letter, spaces included: read it"
        ))),
        1 => Ok((text.replacen(&old, &new, 1), at)),
        _ if *replace_all => Ok((text.replace(&old, &new), at)),
        many => {
            let places = at.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(Refusal(format!(
                "old_string is {many} times in {path}, in lines {places}: give more of what surrounds it, or set replace_all"
            )))
        }
    }
}

impl Tool for Edit {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "edit".to_owned(),
            description: "Replaces a text in a file of the workspace. old_string must be in it exactly once, unless replace_all is set.".to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "The file, relative to the workspace"},
                    "old_string": {"type": "string", "description": "What is there, to the letter"},
                    "new_string": {"type": "string", "description": "What is to be there instead"},
                    "replace_all": {"type": "boolean", "description": "Whether every occurrence is replaced"}
                },
                "required": ["path", "old_string", "new_string"],
                "additionalProperties": false
            }),
            read_only: false,
            idempotent: false,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        answer::output(self.answer(request))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::folder::tests::call;

    #[test]
    fn a_text_that_is_there_once_is_replaced() {
        let here = tempfile::tempdir().unwrap();
        let tool = Edit::new(EditConfig { bytes: 100 });
        for (before, old, new, all, after, says) in [
            ("a\nb\nc\n", "b", "x", false, "a\nx\nc\n", "replaced 1 occurrence in f, line 2"),
            ("a\r\nb\r\n", "a\nb", "x\ny", false, "x\r\ny\r\n", "replaced 1 occurrence in f, line 1"),
            ("b b\nb", "b", "x", true, "x x\nx", "replaced 3 occurrences in f, line 1, 1, 2"),
            ("b\nb", "b", "x", false, "b\nb", "2 times in f, in lines 1, 2"),
            ("a", "b", "x", false, "a", "is not in f"),
            ("a", "", "x", false, "a", "is empty"),
            ("a", "a", "a", false, "a", "are the same"),
        ] {
            std::fs::write(here.path().join("f"), before).unwrap();
            let arguments = json!({"path": "f", "old_string": old, "new_string": new, "replace_all": all});
            let said = call(&tool, here.path(), &arguments);
            assert!(said.text.contains(says), "{}", said.text);
            assert_eq!(std::fs::read_to_string(here.path().join("f")).unwrap(), after);
        }
        std::fs::write(here.path().join("f"), "x".repeat(101)).unwrap();
        assert!(call(&tool, here.path(), &json!({"path": "f", "old_string": "x", "new_string": ""})).is_error);
        std::fs::write(here.path().join("f"), b"\xff").unwrap();
        assert!(call(&tool, here.path(), &json!({"path": "f", "old_string": "x", "new_string": ""})).is_error);
    }

    proptest! {
        #[test]
        fn an_edit_is_undone_by_its_opposite(before in "[a-c\n]{0,20}", old in "[x-z]{1,3}", new in "[p-r]{1,3}", after in "[a-c\n]{0,20}") {
            let text = format!("{before}{old}{after}");
            let arguments = |old: &str, new: &str| Arguments {
                path: String::new(), old_string: old.to_owned(), new_string: new.to_owned(), replace_all: false,
            };
            let (changed, _) = replaced(&text, &arguments(&old, &new)).unwrap();
            let (back, _) = replaced(&changed, &arguments(&new, &old)).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
