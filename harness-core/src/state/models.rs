//! How a model is asked: which of a role's models, under which name in the record, and what its failure means. One way for the
//! step's own request, for the questions of processors and for those of a grader.

use std::sync::Arc;

use harness_abi::{ChatReply, Message, ModuleError, Sampling, ScoreRequest, stable::RString};
use harness_host::LoadedModel;
use harness_spec::ModuleRef;
use harness_trace::{Entry, Purpose};

use super::{
    chat::{Chat, ignores_seed, score_key},
    ending::is_outside,
    phase::Phase,
    value::EpisodeState,
};
use crate::{
    assembled::ModelBinding,
    effect::{CallFailure, Effect, ModelAnswer, ModelCall, ModelReply, ModelRequest},
    seed,
};

/// Under which role the record has the calls of a grader.
const GRADER: &str = "grader";

impl EpisodeState {
    /// The step's own request.
    pub(super) fn ask_model(&mut self) -> Option<Effect> {
        let model = self.target()?;
        let chat = Chat {
            prefix: self.conversation.key(),
            messages: self.conversation.all().clone(),
            tools: self.tools.request_json(self.request.visible.as_deref()),
            constraint: self.request.constraint.clone(),
            sampling: self.request.sampling.clone(),
            index: 0,
            asker: String::new(),
        };
        Some(self.chat(model, chat, true))
    }

    /// The models that may answer the request under way, in the order in which they are asked.
    fn binding(&self) -> Option<&ModelBinding> {
        match (&self.asking, self.phase) {
            (Some(asking), _) => self.bindings.harness.models.get(asking.role()),
            (None, Phase::Grade) => Some(&self.bindings.grader),
            (None, _) => self.bindings.harness.models.get(&self.request.role),
        }
    }

    /// The model to be asked. Where there is none, that is the answer.
    pub(super) fn target(&mut self) -> Option<Arc<LoadedModel>> {
        let target = self.binding().and_then(|binding| binding.models.get(self.attempt));
        if let Some((_, model)) = target {
            return Some(model.clone());
        }
        let role = self.role();
        let error = match self.phase {
            Phase::Grade => ModuleError::config("the grader asks a model, and has none"),
            _ => ModuleError::unsupported(format_args!("no model serves the role `{role}`; add `[model.{role}]`")),
        };
        self.no_answer(&format!("model:{role}"), error);
        None
    }

    /// The role of the request under way.
    fn role(&self) -> String {
        match (&self.asking, self.phase) {
            (Some(asking), _) => asking.role().to_owned(),
            (None, Phase::Grade) => GRADER.to_owned(),
            (None, _) => self.request.role.clone(),
        }
    }

    fn purpose(&self) -> Purpose {
        match (&self.asking, self.phase) {
            (Some(asking), _) => Purpose::Ask(self.plan.id(asking.slot).to_owned()),
            (None, Phase::Grade) => Purpose::Grade,
            (None, _) => Purpose::Step,
        }
    }

    /// The call that has this chat with this model.
    pub(super) fn chat(&mut self, model: Arc<LoadedModel>, chat: Chat, streamed: bool) -> Effect {
        let seed = seed::derive(self.model_seed, self.step, chat.index, &chat.asker);
        let head = self.head.digest(&model.info.digest, &chat);
        self.key = match ignores_seed(&model.info, &chat.sampling) {
            true => chat.prefix.head(&[head]),
            false => chat.prefix.head(&[head, &format!("{seed:016x}")]),
        };
        let Chat { messages, tools, constraint, sampling, .. } = chat;
        let sampling = Sampling { seed, ..sampling };
        self.asked_at = self.elapsed;
        let request = ModelRequest::Chat { messages, tools, constraint, sampling, streamed };
        Effect::Model(ModelCall { model, key: self.key, request, time_left: self.model_time() })
    }

    /// The call that has these scores of this model.
    pub(super) fn scores(&mut self, model: Arc<LoadedModel>, request: ScoreRequest) -> Effect {
        self.key = score_key(&request).head(&[&model.info.digest, "score", &request.extra]);
        self.asked_at = self.elapsed;
        let request = ModelRequest::Score(request);
        Effect::Model(ModelCall { model, key: self.key, request, time_left: self.model_time() })
    }

    /// A grade does not depend on how much of the wall clock the harness has used.
    fn model_time(&self) -> u64 {
        if self.phase == Phase::Grade { u64::MAX } else { self.time_left() }
    }

    /// A model answered, or did not: then the next of the role's models is asked where the failure may pass by itself.
    pub(super) fn model_answered(&mut self, answer: Result<ModelAnswer, CallFailure>) {
        match answer {
            Ok(answer) => {
                self.attempt = 0;
                self.count(&answer);
                self.deliver(answer.reply);
            }
            Err(CallFailure::Stopped(why)) => {
                self.attempt = 0;
                match self.phase {
                    Phase::Grade => self.grading_stopped(why),
                    _ => self.stopped(why),
                }
            }
            Err(CallFailure::Failed(error)) => {
                let models = self.binding().map_or(&[][..], |binding| &binding.models);
                let named = |(reference, _): &(ModuleRef, Arc<LoadedModel>)| reference.to_string();
                let module = models.get(self.attempt).map_or_else(String::new, named);
                if error.class.is_transient() && self.attempt + 1 < models.len() {
                    self.attempt += 1;
                    return self.note_fault(None, &module, &error);
                }
                self.attempt = 0;
                self.no_answer(&module, error);
            }
        }
    }

    /// Records the call and counts what it used. What grading uses is not the harness's expense.
    fn count(&mut self, answer: &ModelAnswer) {
        let ModelAnswer { reply, micros, replayed } = answer;
        let (micros, replayed) = (*micros, *replayed);
        let (role, purpose, key, began) = (self.role(), self.purpose(), self.key, Some(self.asked_at));
        let (usage, entry) = match reply {
            ModelReply::Chat(ChatReply { finish, usage, .. }) => {
                let (finish, usage) = (*finish, *usage);
                (usage, Entry::Chat { role, key, purpose, finish, usage, began, micros, replayed })
            }
            ModelReply::Score { usage, .. } => {
                let usage = *usage;
                (usage, Entry::Score { role, key, purpose, usage, began, micros, replayed })
            }
        };
        if self.phase != Phase::Grade {
            self.spent.add(usage, replayed);
        }
        self.journal.push(entry);
    }

    /// Gives the answer to whoever asked.
    fn deliver(&mut self, reply: ModelReply) {
        match (&mut self.asking, self.phase, reply) {
            (Some(asking), _, ModelReply::Chat(reply)) => asking.chat_answered(reply),
            (Some(asking), _, ModelReply::Score { scores, usage, extra }) => {
                asking.scores_answered(scores, usage, &extra);
            }
            (None, Phase::Grade, ModelReply::Chat(reply)) => self.grading.answered(reply),
            (None, _, ModelReply::Chat(reply)) => {
                self.finish = reply.finish;
                self.respond(reply.message, reply.extra);
            }
            (None, _, ModelReply::Score { .. }) => {
                self.fault(None, "engine", &ModuleError::fault("a model gave scores where a reply was asked for"));
            }
        }
    }

    /// The step has its response.
    pub(super) fn respond(&mut self, message: Message, extra: RString) {
        self.taken += 1;
        self.turn.respond(message, extra);
        self.enter(Phase::AfterModel);
    }

    /// Nobody could answer the request under way.
    pub(super) fn no_answer(&mut self, module: &str, error: ModuleError) {
        if self.asking.is_some() {
            self.note_fault(None, module, &error);
            self.asking.iter_mut().for_each(|asking| asking.failed(&error));
        } else if self.phase == Phase::Grade {
            self.grading_failed(GRADER, &error);
        } else if is_outside(error.class) {
            self.infrastructure(None, module, &error);
        } else {
            self.fault(None, module, &error);
        }
    }
}
