//! A tool in a child.

use harness_abi::{
    ErrorClass, ModuleError, RawTool, ToolRequest, ToolSink,
    stable::{RResult, RString},
};

use super::Shared;
use crate::child::{
    call::{Nobody, Serve},
    protocol::{Reply, Request},
};

pub struct Tool(pub Shared);

struct Waiting<'a>(&'a ToolSink);

impl Serve for Waiting<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    fn cancellable(&self) -> bool {
        true
    }
}

impl Tool {
    fn describe(&self) -> Result<RString, ModuleError> {
        let Shared { supervisor, .. } = &self.0;
        let instance = self.0.instance()?;
        match supervisor.call(&instance, Request::Describe { id: instance.id }, supervisor.patience(), &Nobody)? {
            Reply::Text(text) => Ok(text),
            other => Err(supervisor.unexpected(&instance.child, &other)),
        }
    }

    fn answer(&self, request: &ToolRequest<'_>, sink: &ToolSink) -> Result<(bool, Reply), ModuleError> {
        let Shared { supervisor, .. } = &self.0;
        let instance = self.0.instance()?;
        let call = Request::Tool {
            id: instance.id,
            call: request.id.as_str(),
            name: request.name.as_str(),
            arguments: request.arguments.as_str(),
            seed: request.seed,
            extra: request.extra.as_str(),
        };
        match supervisor.call(&instance, call, supervisor.patience(), &Waiting(sink))? {
            reply @ Reply::Text(_) => Ok((false, reply)),
            reply @ Reply::ErrorText(_) => Ok((true, reply)),
            reply @ Reply::Output(_) => Ok((false, reply)),
            other => Err(supervisor.unexpected(&instance.child, &other)),
        }
    }
}

impl RawTool for Tool {
    fn specs(&self) -> RResult<RString, ModuleError> {
        self.describe().into()
    }

    fn call(&self, request: &ToolRequest<'_>, sink: ToolSink) {
        match self.answer(request, &sink) {
            Ok((is_error, Reply::Text(text) | Reply::ErrorText(text))) => sink.finish_text(text, is_error),
            Ok((_, Reply::Output(json))) => sink.finish(RResult::ROk(json)),
            Ok(_) => {}
            // A tool that had to be ended is a broken tool, not one that may work later.
            Err(error) if error.class == ErrorClass::TIMEOUT && self.0.has_ended() => {
                sink.finish(RResult::RErr(ModuleError { class: ErrorClass::FAULT, ..error }));
            }
            Err(error) => sink.finish(RResult::RErr(error)),
        }
    }
}
