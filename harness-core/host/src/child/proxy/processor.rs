//! A processor in a child: only what the hook is about and what is new in the history crosses, the rest when it is asked for.

use std::{borrow::Cow, sync::Arc};

use harness_abi::{
    ContextRef, Message, ModuleError, RawProcessor, StoredDecision,
    stable::{ROption, RResult, RVec},
};

use super::{Instance, Supervisor};
use crate::child::{
    call::Serve,
    encoded_decision::{EncodedAnswer, EncodedDecision},
    protocol::{EncodedCall, Given, HookCall, Pull, Reply, Request, budget},
};

pub struct Processor {
    supervisor: Arc<Supervisor>,
    instance: Instance,
    /// The history as the child has it.
    mirrored: Vec<Message>,
}

impl Processor {
    pub fn new(supervisor: Arc<Supervisor>, instance: Instance) -> Self {
        Self { supervisor, instance, mirrored: Vec::new() }
    }

    fn call(&mut self, hook: u32, cx: &ContextRef<'_>) -> Result<RVec<StoredDecision>, ModuleError> {
        let history = cx.history();
        let history = history.as_slice();
        // Messages never change, so the same address is the same message; ours keep theirs from being used again.
        let same = |(a, b): &(&Message, &Message)| a.address() == b.address();
        let keep = self.mirrored.iter().zip(history).take_while(same).count();
        let call = cx.call().into_option();
        let answers = cx.answers().as_slice().iter().map(EncodedAnswer::new).collect::<Result<_, _>>()?;
        let request = Request::Hook(Box::new(HookCall {
            id: self.instance.id,
            hook,
            step: cx.step(),
            seed: cx.seed(),
            budget: budget(cx.budget()),
            keep: keep as u64,
            add: Cow::Borrowed(history.get(keep..).unwrap_or_default()),
            response: cx.response().into_option().map(Cow::Borrowed),
            call: call.as_ref().map(|call| EncodedCall {
                id: call.id.as_str(),
                name: call.name.as_str(),
                arguments: call.arguments.as_str(),
            }),
            result: cx.result().into_option().map(Cow::Borrowed),
            outcome: cx.outcome().as_str(),
            answers,
        }));
        let patience = self.supervisor.hook_patience();
        let reply = match self.supervisor.call(&self.instance, request, patience, &Context(cx)) {
            Ok(reply) => reply,
            Err(error) => {
                // Whether the child took the history in is not known.
                self.mirrored.clear();
                return Err(error);
            }
        };
        self.mirrored.truncate(keep);
        self.mirrored.extend(history.iter().skip(keep).cloned());
        match reply {
            Reply::Pass => Ok(RVec::new()),
            Reply::Decisions(decisions) => Ok(decisions.into_iter().map(EncodedDecision::into_stored).collect()),
            other => Err(self.supervisor.unexpected(&self.instance.child, &other)),
        }
    }
}

impl RawProcessor for Processor {
    fn on(&mut self, hook: u32, cx: &ContextRef<'_>) -> RResult<RVec<StoredDecision>, ModuleError> {
        self.call(hook, cx).into()
    }
}

/// Serves what the module pulls from the engine's own context.
struct Context<'a, 'host>(&'a ContextRef<'host>);

impl Serve for Context<'_, '_> {
    fn pull(&self, pull: Pull<'_>) -> Option<Given<'_>> {
        let cx = self.0;
        let text = |text: &'_ str| -> Cow<'_, str> { Cow::Owned(text.to_owned()) };
        Some(match pull {
            Pull::Episode => Given::Text(cx.episode().as_str().into()),
            Pull::System => Given::Text(cx.system().as_str().into()),
            Pull::Tools => Given::Text(cx.tools().as_str().into()),
            Pull::Visible => Given::Names(cx.visible_tools().as_slice().to_vec()),
            Pull::Observation => Given::Text(cx.observation().as_str().into()),
            Pull::Constraint => Given::Text(cx.constraint().as_str().into()),
            Pull::Sampling => Given::Text(cx.sampling().as_str().into()),
            Pull::ResponseExtra => Given::Text(cx.response_extra().as_str().into()),
            Pull::Model { role } => Given::Text(text(&cx.model(role.into()))),
            Pull::Get { key } => match cx.get(key.into()) {
                ROption::RSome(value) => Given::Text(text(&value)),
                ROption::RNone => Given::Nothing,
            },
            Pull::Blob { hash } => match cx.blob(hash.into()) {
                ROption::RSome(bytes) => Given::Bytes(Cow::Owned(bytes.into())),
                ROption::RNone => Given::Nothing,
            },
            Pull::PutBlob { media_type, bytes } => Given::Text(text(&cx.put_blob(media_type.into(), bytes[..].into()))),
            Pull::Cancelled => Given::Flag(cx.cancelled()),
        })
    }

    fn put(&self, key: &str, value: &str) -> bool {
        self.0.put(key.into(), value.into());
        true
    }

    fn log(&self, level: u8, line: &str) -> bool {
        self.0.log(level, line.into());
        true
    }
}
