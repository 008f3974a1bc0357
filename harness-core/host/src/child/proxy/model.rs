//! A model in a child: deltas come as they are written, cancellation goes the other way.

use std::borrow::Cow;

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, DeltaKind, ModuleError, RawModel, ScoreReply, ScoreRequest, ScoreSink,
    stable::{RResult, RString},
};

use super::Shared;
use crate::child::{
    call::{Nobody, Serve},
    encoded_parts::{EncodedItems, score_reply},
    protocol::{Reply, Request},
};

pub struct Model(pub Shared);

struct Writing<'a>(&'a ChatSink);

impl Serve for Writing<'_> {
    fn delta(&self, kind: u32, text: &str) -> bool {
        // Whether to go on is asked below, also of models that write nothing.
        self.0.delta(DeltaKind(kind), text.into());
        true
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    fn cancellable(&self) -> bool {
        true
    }
}

struct Scoring<'a>(&'a ScoreSink);

impl Serve for Scoring<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    fn cancellable(&self) -> bool {
        true
    }
}

impl Model {
    fn call<'a>(&self, request: impl FnOnce(u64) -> Request<'a>, serve: &dyn Serve) -> Result<Reply, ModuleError> {
        let instance = self.0.instance()?;
        self.0.supervisor.call(&instance, request(instance.id), self.0.supervisor.patience(), serve)
    }

    fn unexpected(&self, reply: &Reply) -> ModuleError {
        match self.0.instance() {
            Ok(instance) => self.0.supervisor.unexpected(&instance.child, reply),
            Err(error) => error,
        }
    }

    fn describe(&self) -> Result<RString, ModuleError> {
        match self.call(|id| Request::Describe { id }, &Nobody)? {
            Reply::Text(text) => Ok(text),
            other => Err(self.unexpected(&other)),
        }
    }

    fn reply(&self, request: &ChatRequest<'_>, sink: &ChatSink) -> Result<ChatReply, ModuleError> {
        let chat = |id| Request::Chat {
            id,
            messages: Cow::Borrowed(request.messages.as_slice()),
            tools: request.tools_json.as_str(),
            constraint: request.constraint_json.as_str(),
            sampling: request.sampling_json.as_str(),
            extra: request.extra.as_str(),
        };
        match self.call(chat, &Writing(sink))? {
            Reply::Chat { message, finish, usage, extra } => Ok(ChatReply { message, finish, usage, extra }),
            other => Err(self.unexpected(&other)),
        }
    }

    fn scores(&self, request: &ScoreRequest, sink: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        let items = EncodedItems::new(request);
        match self.call(|id| Request::Score { id, items, extra: &request.extra }, &Scoring(sink))? {
            Reply::Scores { scores, usage, extra } => Ok(score_reply(scores, usage, extra)),
            other => Err(self.unexpected(&other)),
        }
    }
}

impl RawModel for Model {
    fn info(&self) -> RResult<RString, ModuleError> {
        self.describe().into()
    }

    fn chat(&self, request: &ChatRequest<'_>, sink: ChatSink) {
        let reply = self.reply(request, &sink);
        sink.finish(reply.into());
    }

    fn score(&self, request: ScoreRequest, sink: ScoreSink) {
        let reply = self.scores(&request, &sink);
        sink.finish(reply.into());
    }
}
