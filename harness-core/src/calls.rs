//! Performing the calls of a turn: tools of the harness in parallel, the world's one after another, results in call order.

use std::sync::Arc;

use harness_abi::{Action, ErrorClass, Message, ToolBox, ToolExtra, ToolOutput, ToolRequest, Workspace, kit};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::{
    agent::{Agent, RunError},
    chats::CallError,
    driver::Live,
    machine::ToolCall,
    performed::Performed,
    seed,
    sinks::{self, Filled},
    subagent::Inner,
    toolbox::Owner,
};

/// A tool at work.
pub(crate) struct Working {
    pub index: usize,
    /// The tool's id in the harness.
    pub module: String,
    pub since: u64,
    /// Which of the calls left to a harness it is.
    pub number: u64,
}

/// What a tool at work will have filled, and the agent that is to answer in its place.
struct Pending {
    tool: Working,
    filled: Filled<ToolOutput>,
    agent: Option<Arc<Agent>>,
}

/// What a call comes to.
enum Way {
    /// The model is told that it cannot be.
    Refused(String),
    /// The world's.
    World(Action),
    /// The harness's tool of this index.
    Tool(usize),
    /// Left to the caller.
    Caller,
}

impl Live<'_> {
    /// Performs every call that has no result yet.
    pub async fn perform_calls(&mut self) -> Result<(), RunError> {
        let mut working = Vec::new();
        for index in 0..self.machine.calls.len() {
            let Some(call) = self.machine.calls.get(index).filter(|call| call.result.is_none()) else { continue };
            match self.way(call) {
                Way::Refused(text) => {
                    self.machine.signals.parse_failure();
                    self.answer(index, text, true);
                }
                Way::Tool(tool) => match performed(&mut self.spec.performed, self.machine.step, call) {
                    Some(done) => {
                        self.number(tool);
                        self.answer(index, done.text, done.is_error);
                        self.took(index, None, done.micros);
                    }
                    None => working.extend(self.start_tool(index, tool)),
                },
                Way::Caller => {}
                Way::World(_) if self.machine.is_world_done() => {}
                Way::World(action) => {
                    let before = self.look();
                    let Some((text, refused)) = self.act(&action).await else { return Ok(()) };
                    let micros = self.look().saturating_sub(before);
                    self.answer(index, text, refused);
                    self.took(index, Some(before), micros);
                }
            }
        }
        // Those that a harness answers only say what it is asked: it begins while the others work.
        let (asked, working): (Vec<_>, Vec<_>) =
            working.into_iter().partition(|pending: &Pending| pending.agent.is_some());
        let share = asked.len() as u64;
        let mut inner = (share > 0).then(|| Inner::new(&self.spec.cancel));
        for Pending { tool, filled, agent } in asked.into_iter().chain(working) {
            match (self.filled(filled).await, agent, &mut inner) {
                (Ok(output), Some(agent), Some(inner)) if !output.is_error => {
                    self.machine.spent.add_tool(output.cost_micros);
                    self.begin_inner(inner, tool, agent, output.text, share);
                }
                (output, ..) => self.settle_tool(&tool, output)?,
            }
            if self.machine.ending.is_some() {
                break;
            }
        }
        if let Some(inner) = inner {
            self.end_inner(inner).await?;
        }
        if self.machine.ending.is_some() {
            return Ok(());
        }
        if self.machine.is_world_done() {
            self.machine.drop_undone_calls();
        }
        self.machine.leave_to_caller();
        Ok(())
    }

    /// Takes what a tool gave.
    fn settle_tool(&mut self, tool: &Working, output: Result<ToolOutput, CallError>) -> Result<(), RunError> {
        let micros = self.look().saturating_sub(tool.since);
        match output {
            Ok(output) => {
                self.machine.spent.add_tool(output.cost_micros);
                self.answer(tool.index, output.text, output.is_error);
                self.took(tool.index, Some(tool.since), micros);
            }
            // Arguments the tool cannot take are the model's to mend.
            Err(CallError::Module { error, .. }) if error.class == ErrorClass::INPUT => {
                self.answer(tool.index, error.message.into(), true);
                self.took(tool.index, Some(tool.since), micros);
            }
            Err(CallError::Module { error, .. }) if error.class.is_transient() => {
                self.machine.infrastructure(None, &tool.module, &error);
            }
            Err(CallError::Module { error, .. }) => self.machine.fault(None, &tool.module, &error),
            Err(CallError::Stopped(why)) => self.stopped(why),
            Err(CallError::Record(error)) => return Err(error.into()),
        }
        Ok(())
    }

    /// What a call comes to. Refuses tools that are unknown or not shown, and arguments that are no JSON object.
    fn way(&self, call: &ToolCall) -> Way {
        let object = |problem: String| {
            Way::Refused(format!("The arguments of `{}` must be a JSON object: {problem}.", call.name))
        };
        if call.act {
            let action = serde_json::from_str::<Map<String, Value>>(&call.arguments).ok();
            return match action.as_ref().and_then(|action| action.get("action")).and_then(Value::as_str) {
                Some(text) => Way::World(Action::Text { text: text.to_owned() }),
                None => object("it must hold the text `action`".to_owned()),
            };
        }
        let shown = match &self.machine.request.visible {
            Some(names) => names.as_slice(),
            None => self.machine.tools.shown(),
        };
        let owner = shown.iter().any(|name| *name == call.name).then(|| self.machine.tools.owner(&call.name)).flatten();
        match owner {
            None if shown.is_empty() => Way::Refused(format!("There is no tool `{}`; there are no tools.", call.name)),
            None => {
                let names: Vec<&str> = shown.iter().map(|name| name.as_str()).collect();
                Way::Refused(format!("There is no tool `{}`. The tools are: {}.", call.name, names.join(", ")))
            }
            Some(owner @ (Owner::Harness(_) | Owner::Caller)) => {
                match serde_json::from_str::<IgnoredAny>(&call.arguments) {
                    Ok(_) if call.arguments.trim_start().starts_with('{') => match owner {
                        Owner::Harness(tool) => Way::Tool(tool),
                        _ => Way::Caller,
                    },
                    Ok(_) => object("they are JSON of another kind".to_owned()),
                    Err(error) => object(error.to_string()),
                }
            }
            Some(Owner::World) => match serde_json::from_str::<Value>(&call.arguments) {
                Ok(arguments) if arguments.is_object() => {
                    Way::World(Action::Call { name: call.name.clone(), arguments })
                }
                Ok(_) => object("they are JSON of another kind".to_owned()),
                Err(error) => object(error.to_string()),
            },
        }
    }

    /// The number of a call of this tool, if a harness answers it: the same when the episode is resumed.
    fn number(&mut self, tool: usize) -> u64 {
        let delegates = self.machine.plan.tools.get(tool).is_some_and(|tool| tool.agent.is_some());
        self.delegated += u64::from(delegates);
        self.delegated
    }

    /// Starts a tool: here if it promised to return at once, else on a blocking thread.
    fn start_tool(&mut self, index: usize, tool: usize) -> Option<Pending> {
        let (since, number) = (self.look(), self.number(tool));
        let call = self.machine.calls.get(index)?;
        let module = self.machine.plan.tools.get(tool)?.clone();
        let instance: Arc<ToolBox> = self.tools.get(tool)?.clone();
        let seed = seed::derive(self.spec.meta.seed, self.machine.step, index as u64, &module.id);
        let (sink, filled) = sinks::tool(&self.spec.cancel);
        let extra = self.tool_extra.clone();
        if module.module.manifest.blocking {
            let (id, name, arguments) = (call.id.clone(), call.name.clone(), call.arguments.clone());
            // Its answer comes through the sink; a panic drops the sink, which is an answer too.
            drop(tokio::task::spawn_blocking(move || {
                instance.call(&request(&id, &name, &arguments, seed, &extra), sink)
            }));
        } else {
            instance.call(&request(&call.id, &call.name, &call.arguments, seed, &extra), sink);
        }
        let tool = Working { index, module: module.id.clone(), since, number };
        Some(Pending { tool, filled, agent: module.agent.clone() })
    }

    pub fn answer(&mut self, index: usize, text: String, is_error: bool) {
        if let Some(call) = self.machine.calls.get_mut(index) {
            call.result = Some(Message::tool_result(call.id.as_str(), text, is_error));
        }
    }

    pub fn took(&mut self, index: usize, began: Option<u64>, micros: u64) {
        if let Some(call) = self.machine.calls.get_mut(index) {
            (call.began, call.micros) = (began, micros);
        }
    }
}

/// What an earlier attempt of the episode got for this call in this step; each of its calls answers one.
fn performed(earlier: &mut Vec<Performed>, step: u64, call: &ToolCall) -> Option<Performed> {
    let same = |done: &Performed| {
        done.within.is_empty() && done.step == step && done.name == call.name && done.arguments == call.arguments
    };
    earlier.iter().position(same).map(|at| earlier.remove(at))
}

fn request<'a>(id: &'a str, name: &'a str, arguments: &'a str, seed: u64, extra: &'a str) -> ToolRequest<'a> {
    ToolRequest { id: id.into(), name: name.into(), arguments: arguments.into(), seed, extra: extra.into() }
}

/// What every call of a tool carries besides.
pub(crate) fn extra(workspace: Option<Workspace>) -> Arc<str> {
    match workspace {
        None => Arc::from(""),
        workspace => kit::json(&ToolExtra { workspace }).as_str().into(),
    }
}
