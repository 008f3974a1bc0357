//! Tools: schemas that are schemas, names that differ, an answer to every call, however wrong it is.

use std::sync::mpsc::{Sender, channel};

use harness_abi::{
    ModuleError, RawToolSink, ToolOutput, ToolRequest, ToolSpec,
    stable::{RResult, RString},
    tool_sink,
};
use harness_host::Resolved;

struct Sink(Sender<Result<ToolOutput, ModuleError>>);

impl RawToolSink for Sink {
    fn cancelled(&self) -> bool {
        false
    }

    fn finish(self, output: RResult<RString, ModuleError>) {
        let parsed = output.into_result().and_then(|json| Ok(serde_json::from_str(&json)?));
        // Nobody listens any more only if the suite itself has ended.
        let _ = self.0.send(parsed);
    }

    fn finish_text(self, text: RString, is_error: bool) {
        let _ = self.0.send(Ok(ToolOutput { text: text.into(), is_error, ..ToolOutput::default() }));
    }
}

pub(super) fn examine(resolved: &Resolved) -> Result<(), String> {
    let tool = resolved.tool().map_err(|error| format!("it does not start: {error}"))?;
    let specs = tool.specs().into_result().map_err(|error| format!("it does not say what it offers: {error}"))?;
    let specs: Vec<ToolSpec> =
        serde_json::from_str(&specs).map_err(|error| format!("what it offers does not parse: {error}"))?;
    let mut names = std::collections::HashSet::new();
    for spec in &specs {
        if !names.insert(&spec.name) {
            return Err(format!("it offers two tools called `{}`", spec.name));
        }
        if spec.input_schema["type"] != "object" {
            return Err(format!("the input schema of `{}` is not that of an object", spec.name));
        }
        for arguments in ["{}", "", "[1, 2", "{\"unexpected\": [null]}"] {
            let (send, receive) = channel();
            let request = ToolRequest {
                id: "c1".into(),
                name: spec.name.as_str().into(),
                arguments: arguments.into(),
                seed: 7,
                extra: "".into(),
            };
            tool.call(&request, tool_sink(Sink(send)));
            // Whatever it says of such arguments, it says something.
            if receive.recv().is_err() {
                return Err(format!("a call of `{}` with the arguments `{arguments}` was never answered", spec.name));
            }
        }
    }
    Ok(())
}
