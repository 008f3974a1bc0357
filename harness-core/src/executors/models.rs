//! Asks models: a call that the record knows is replayed, any other is made and recorded. Retrying is the model module's own
//! business; what stands in for a model that fails is the state's.

use std::sync::Arc;

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, Message, ModuleError, Role, Sampling, ScoreReply, ScoreRequest, kit,
    stable::{RStr, RString},
};
use harness_host::LoadedModel;
use harness_trace::{CallKey, Recorder, StoredChat, StoredScores, TraceError};

use super::answer::{answer, elsewhere};
use crate::{
    cancel::Cancel,
    clock::Clock,
    effect::{CallFailure, ModelAnswer, ModelCall, ModelReply, ModelRequest},
    sinks::{self, DeltaObserver},
    spending::within_reason,
};

pub(crate) struct ModelExecutor {
    pub recorder: Arc<dyn Recorder>,
    pub cancel: Cancel,
    pub clock: Arc<dyn Clock>,
    /// Whether calls found in the record are used instead of being paid again.
    pub replay: bool,
    /// Receives replies to step requests as they are written.
    pub observer: Option<DeltaObserver>,
}

impl ModelExecutor {
    /// The answer to a call, or why there is none. An error is one of the record.
    pub async fn perform(&self, call: ModelCall) -> Result<Result<ModelAnswer, CallFailure>, TraceError> {
        let key = call.key;
        if self.replay
            && let Some((reply, micros)) = recorded(&*self.recorder, &key, &call.request)?
        {
            return Ok(Ok(ModelAnswer { reply, micros, replayed: true }));
        }
        let before = self.clock.micros();
        let reply = match self.ask(call).await {
            Ok(reply) => reply,
            Err(failure) => return Ok(Err(failure)),
        };
        let micros = self.clock.micros().saturating_sub(before);
        record(&*self.recorder, key, &reply, micros)?;
        Ok(Ok(ModelAnswer { reply, micros, replayed: false }))
    }

    async fn ask(&self, call: ModelCall) -> Result<ModelReply, CallFailure> {
        let ModelCall { model, request, time_left, .. } = call;
        match request {
            ModelRequest::Chat { messages, tools, constraint, sampling, streamed } => {
                let (sink, filled) = sinks::chat(&self.cancel, self.observer.clone().filter(|_| streamed));
                let chat = Chat { messages, tools, constraint, sampling };
                if model.blocking {
                    elsewhere(move || chat.begin(&model, sink), &self.cancel, time_left).await?;
                } else {
                    chat.begin(&model, sink);
                }
                let mut reply = answer(filled, &self.cancel, time_left).await?;
                if reply.message.role() != Role::Assistant {
                    let message = format!("it replied with a message of role {:?}", reply.message.role());
                    return Err(CallFailure::Failed(ModuleError::fault(message)));
                }
                reply.usage = within_reason(reply.usage);
                Ok(ModelReply::Chat(reply))
            }
            ModelRequest::Score(request) => {
                let (sink, filled) = sinks::score(&self.cancel);
                let wanted = request.items.len();
                if model.blocking {
                    elsewhere(move || model.score(request, sink), &self.cancel, time_left).await?;
                } else {
                    model.score(request, sink);
                }
                let ScoreReply { scores, usage, extra } = answer(filled, &self.cancel, time_left).await?;
                if scores.len() != wanted {
                    let message = format!("it gave {} scores for {wanted} items", scores.len());
                    return Err(CallFailure::Failed(ModuleError::fault(message)));
                }
                Ok(ModelReply::Score { scores, usage: within_reason(usage), extra })
            }
        }
    }
}

/// A chat on its way to a model.
struct Chat {
    messages: Arc<Vec<Message>>,
    tools: Arc<str>,
    constraint: RString,
    sampling: Sampling,
}

impl Chat {
    fn begin(&self, model: &LoadedModel, sink: ChatSink) {
        let sampling = kit::json(&self.sampling);
        let request = ChatRequest {
            messages: self.messages.as_slice().into(),
            tools_json: (&*self.tools).into(),
            constraint_json: self.constraint.as_rstr(),
            sampling_json: sampling.as_rstr(),
            extra: RStr::default(),
        };
        model.chat(&request, sink);
    }
}

/// The reply that the record has, and how long it took then.
fn recorded(
    recorder: &dyn Recorder,
    key: &CallKey,
    request: &ModelRequest,
) -> Result<Option<(ModelReply, u64)>, TraceError> {
    Ok(match request {
        ModelRequest::Chat { .. } => recorder.chat(key)?.map(|stored| {
            let StoredChat { message, finish, usage, extra, micros } = stored;
            (ModelReply::Chat(ChatReply { message, finish, usage, extra: extra.into() }), micros)
        }),
        ModelRequest::Score(ScoreRequest { .. }) => recorder.scores(key)?.map(|stored| {
            let StoredScores { scores, usage, micros } = stored;
            (ModelReply::Score { scores: scores.into(), usage, extra: RString::new() }, micros)
        }),
    })
}

fn record(recorder: &dyn Recorder, key: CallKey, reply: &ModelReply, micros: u64) -> Result<(), TraceError> {
    match reply {
        ModelReply::Chat(reply) => {
            let stored = StoredChat {
                message: reply.message.clone(),
                finish: reply.finish,
                usage: reply.usage,
                extra: reply.extra.to_string(),
                micros,
            };
            recorder.put_chat(key, stored)
        }
        ModelReply::Score { scores, usage, .. } => {
            recorder.put_scores(key, StoredScores { scores: scores.to_vec(), usage: *usage, micros })
        }
    }
}
