//! Performs one call in the child.

use std::sync::{PoisonError, mpsc};

use harness_abi::{
    ChatRequest, ModuleError, ToolRequest, chat_sink, score_sink,
    stable::{RResult, RString},
    tool_sink,
};

use super::{
    context::{Context, Pulled},
    instances::{Hooked, Instances, Module},
    shared::SharedChannel,
    sinks::Sink,
};
use crate::child::{
    encoded_decision::{EncodedAnswer, decisions},
    protocol::{HookCall, Operation, Reply, Request},
};
use crate::pack_root::PackRoot;

pub fn perform(pack: PackRoot, instances: &Instances, channel: &SharedChannel, request: Request<'_>) -> Reply {
    perform_or_fail(pack, instances, channel, request).unwrap_or_else(Reply::from)
}

fn perform_or_fail(
    pack: PackRoot,
    instances: &Instances,
    channel: &SharedChannel,
    request: Request<'_>,
) -> Result<Reply, ModuleError> {
    match request {
        Request::Make { id, kind, name, config } => {
            instances.make(pack, id, kind, name, config)?;
            Ok(Reply::Made)
        }
        Request::Hook(call) => match instances.get(call.id)? {
            Module::Processor(hooked) => {
                hook(&mut hooked.lock().unwrap_or_else(PoisonError::into_inner), channel, *call)
            }
            _ => Err(other_kind()),
        },
        Request::Describe { id } => text(match instances.get(id)? {
            Module::Tool(tool) => tool.specs(),
            Module::Model(model) => model.info(),
            _ => return Err(other_kind()),
        }),
        Request::Tool { id, call, name, arguments, seed, extra } => {
            let Module::Tool(tool) = instances.get(id)? else { return Err(other_kind()) };
            let (id, name, arguments, extra) = (call.into(), name.into(), arguments.into(), extra.into());
            let request = ToolRequest { id, name, arguments, seed, extra };
            Ok(answered(channel, |sink| tool.call(&request, tool_sink(sink))))
        }
        Request::Chat { id, messages, tools, constraint, sampling, extra } => {
            let Module::Model(model) = instances.get(id)? else { return Err(other_kind()) };
            let request = ChatRequest {
                messages: messages[..].into(),
                tools_json: tools.into(),
                constraint_json: constraint.into(),
                sampling_json: sampling.into(),
                extra: extra.into(),
            };
            Ok(answered(channel, |sink| model.chat(&request, chat_sink(sink))))
        }
        Request::Score { id, items, extra } => {
            let Module::Model(model) = instances.get(id)? else { return Err(other_kind()) };
            Ok(answered(channel, |sink| model.score(items.into_request(extra), score_sink(sink))))
        }
        Request::Environment { id, operation, text: given, seed } => {
            let Module::Environment(environment) = instances.get(id)? else { return Err(other_kind()) };
            let mut environment = environment.lock().unwrap_or_else(PoisonError::into_inner);
            text(match operation {
                Operation::Tasks => environment.tasks(given.into()),
                Operation::Reset => environment.reset(given.into(), seed),
                Operation::Step => environment.step(given.into()),
                Operation::State => environment.state(),
                Operation::Oracle => environment.oracle(given.into()),
            })
        }
        Request::Grade { id, task, state, history } => {
            let Module::Grader(grader) = instances.get(id)? else { return Err(other_kind()) };
            text(grader.grade(task.into(), state.into(), history[..].into()))
        }
    }
}

fn hook(hooked: &mut Hooked, channel: &SharedChannel, mut call: HookCall<'_>) -> Result<Reply, ModuleError> {
    hooked.history.truncate(call.keep as usize);
    hooked.history.extend(std::mem::take(&mut call.add).into_owned());
    let answers = std::mem::take(&mut call.answers).into_iter().map(EncodedAnswer::into_stored).collect();
    let context = Context { channel, call: &call, history: &hooked.history, answers, pulled: Pulled::default() };
    let decided = hooked.processor.on(call.hook, &harness_abi::context(&context)).into_result()?;
    if decided.is_empty() {
        return Ok(Reply::Pass);
    }
    decisions(decided).map(Reply::Decisions)
}

/// What comes into the sink, whenever it comes.
fn answered(channel: &SharedChannel, begin: impl FnOnce(Sink)) -> Reply {
    let (give, given) = mpsc::channel();
    begin(Sink::new(channel, give));
    given.recv().unwrap_or(Reply::GaveUp)
}

fn text(answer: RResult<RString, ModuleError>) -> Result<Reply, ModuleError> {
    answer.into_result().map(Reply::Text)
}

fn other_kind() -> ModuleError {
    ModuleError::fault("the instance is of another kind")
}
