//! Tools: schemas that are schemas, names that differ, an answer to every call, however wrong it is.

use std::{
    sync::mpsc::{Sender, channel},
    time::{Duration, Instant},
};

use harness_abi::{
    ErrorClass, ModuleError, RawToolSink, ToolBox, ToolOutput, ToolRequest, ToolSpec,
    stable::{RResult, RString},
    tool_sink,
};
use harness_host::Resolved;

use super::{
    memory::{self, short},
    report::Sheet,
};

struct Sink {
    reply: Sender<Result<ToolOutput, ModuleError>>,
    cancelled: bool,
}

impl RawToolSink for Sink {
    fn cancelled(&self) -> bool {
        self.cancelled
    }

    fn finish(self, output: RResult<RString, ModuleError>) {
        let parsed = output.into_result().and_then(|json| Ok(serde_json::from_str(&json)?));
        // Nobody listens any more only if the suite itself has ended.
        let _ = self.reply.send(parsed);
    }

    fn finish_text(self, text: RString, is_error: bool) {
        let _ = self.reply.send(Ok(ToolOutput { text: text.into(), is_error, ..ToolOutput::default() }));
    }
}

/// Arguments that may be wrong in every way.
const ARGUMENTS: [&str; 4] = ["{}", "", "[1, 2", "{\"unexpected\": [null]}"];

pub(super) fn examine(resolved: &Resolved, sheet: &mut Sheet) {
    let it = resolved.clone();
    let sound = sheet.check("offers tools with names and schemas", move || {
        let specs = specs(&it)?;
        let mut names = std::collections::HashSet::new();
        for spec in &specs {
            if !names.insert(&spec.name) {
                return Err(format!("it offers two tools called `{}`", spec.name));
            }
            if spec.input_schema["type"] != "object" {
                return Err(format!("the input schema of `{}` is not that of an object", spec.name));
            }
        }
        Ok(specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", "))
    });
    if !sound {
        return;
    }
    let it = resolved.clone();
    sheet.check("answers every call, however wrong", move || {
        let mut slowest = Duration::ZERO;
        let mut calls = 0;
        for spec in specs(&it)? {
            for arguments in ARGUMENTS {
                let began = Instant::now();
                // Whatever it says of such arguments, it says something, and what a model got wrong is no fault of the tool.
                let answer = call(&it, &spec.name, arguments, 7, false)?;
                if let Some(fault) = answer.err().filter(|error| error.class == ErrorClass::FAULT) {
                    return Err(format!(
                        "a call of `{}` with the arguments `{arguments}` ends in a fault: {fault}",
                        spec.name
                    ));
                }
                (slowest, calls) = (slowest.max(began.elapsed()), calls + 1);
            }
        }
        Ok(format!("{calls} calls, the slowest {}", short(slowest)))
    });
    const SAME: &str = "answers the same with the same seed";
    const FRESH: &str = "carries nothing from one episode to another";
    if super::promise::repeats(&resolved.manifest) {
        let it = resolved.clone();
        sheet.check(SAME, move || {
            let same = outputs(&it, 7)? == outputs(&it, 7)?;
            if same { Ok(String::new()) } else { Err("it answers the same calls in two ways".into()) }
        });
        let it = resolved.clone();
        sheet.check(FRESH, move || {
            let before = outputs(&it, 7)?;
            (100..120).try_for_each(|seed| outputs(&it, seed).map(drop))?;
            let same = before == outputs(&it, 7)?;
            if same { Ok(String::new()) } else { Err("it answers otherwise after 20 other episodes".into()) }
        });
    } else {
        [SAME, FRESH].into_iter().for_each(|name| sheet.leave_out(name, super::promise::NOT_PROMISED));
    }
    let it = resolved.clone();
    sheet.check("comes back when the episode is cancelled", move || {
        for spec in specs(&it)? {
            let _ = call(&it, &spec.name, "{}", 7, true)?;
        }
        Ok(String::new())
    });
    let it = resolved.clone();
    memory::examine(sheet, resolved.process_id(), move |number| outputs(&it, u64::from(number)).map(drop));
}

fn start(resolved: &Resolved) -> Result<ToolBox, String> {
    resolved.tool().map_err(|error| format!("it does not start: {error}"))
}

fn specs(resolved: &Resolved) -> Result<Vec<ToolSpec>, String> {
    let specs = start(resolved)?.specs().into_result();
    let specs = specs.map_err(|error| format!("it does not say what it offers: {error}"))?;
    serde_json::from_str(&specs).map_err(|error| format!("what it offers does not parse: {error}"))
}

type Called = Result<ToolOutput, ModuleError>;

/// One call of a fresh instance.
fn call(resolved: &Resolved, name: &str, arguments: &str, seed: u64, cancelled: bool) -> Result<Called, String> {
    let tool = start(resolved)?;
    let (reply, receive) = channel();
    let request =
        ToolRequest { id: "c1".into(), name: name.into(), arguments: arguments.into(), seed, extra: "".into() };
    tool.call(&request, tool_sink(Sink { reply, cancelled }));
    let never = |_| format!("a call of `{name}` with the arguments `{arguments}` was never answered");
    receive.recv().map_err(never)
}

/// What every tool answers to every kind of arguments, as text.
fn outputs(resolved: &Resolved, seed: u64) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for spec in specs(resolved)? {
        for arguments in ARGUMENTS {
            all.push(format!("{:?}", call(resolved, &spec.name, arguments, seed, false)?));
        }
    }
    Ok(all)
}
