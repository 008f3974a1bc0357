//! A suite's grader and those shown beside it, as one: the first decides the reward, the others become parts of it.

use std::sync::{Arc, mpsc};

use harness_abi::{
    ChatReply, ChatRequest, DeltaKind, Grade, GraderBox, ModuleError, RawChatSink, Task, chat_sink, kit,
    stable::{RResult, RSlice, RStr},
};
use harness_core::{AskingGrader, GradeRequest, GradeStep, GraderBinding, GraderQuestion};
use harness_host::{Host, HostError, LoadedModel};

use crate::{GraderSpec, Part, model_grader::RubricGrader};

struct Combined {
    first: Box<dyn AskingGrader>,
    others: Vec<(String, GraderBox)>,
}

impl AskingGrader for Combined {
    fn grade(&self, request: &GradeRequest<'_>) -> Result<GradeStep, ModuleError> {
        let mut grade = match self.first.grade(request)? {
            GradeStep::Done(grade) => grade,
            asked @ GradeStep::Ask(_) => return Ok(asked),
        };
        for (name, grader) in &self.others {
            // A module grades without asking.
            if let GradeStep::Done(other) = AskingGrader::grade(grader, request)? {
                grade.parts.push((name.clone(), other.reward));
                grade.usage += other.usage;
            }
        }
        Ok(GradeStep::Done(grade))
    }
}

/// The grader of a part.
pub(crate) fn combined(host: &Host, part: &Part) -> Result<GraderBinding, HostError> {
    let start = |module: &crate::module_use::Use| {
        let resolved = host.resolve(&module.module, &module.config)?;
        resolved.grader().map_err(|error| HostError::Module { module: module.module.clone(), error: Box::new(error) })
    };
    let (first, model): (Box<dyn AskingGrader>, _) = match &part.grader {
        GraderSpec::Module(module) => (Box::new(start(module)?), None),
        GraderSpec::Model(grader) => {
            let model = host.model(&grader.model.module, &grader.model.config)?;
            (Box::new(RubricGrader::new(model.clone(), &grader.rubric)), Some((grader.model.module.clone(), model)))
        }
    };
    let others = part.also.iter().map(|module| Ok((module.module.module.clone(), start(module)?)));
    let others = others.collect::<Result<_, HostError>>()?;
    Ok(GraderBinding { grader: Arc::new(Combined { first, others }), model })
}

/// Grades without an episode: what the grader asks is asked here and now, and not recorded.
pub(crate) fn grade(binding: &GraderBinding, task: &Task, state: &str) -> Result<Grade, ModuleError> {
    const MOST_QUESTIONS: usize = 8;
    let mut replies = Vec::new();
    while replies.len() <= MOST_QUESTIONS {
        let request = GradeRequest { task, state, history: &[], replies: &replies };
        match binding.grader.grade(&request)? {
            GradeStep::Done(grade) => return Ok(grade),
            GradeStep::Ask(question) => {
                let (_, model) = binding
                    .model
                    .as_ref()
                    .ok_or_else(|| ModuleError::config("the grader asks a model, and has none"))?;
                replies.push(ask(model, &question)?);
            }
        }
    }
    Err(ModuleError::fault(format_args!("it asked {MOST_QUESTIONS} times and still gives no grade")))
}

fn ask(model: &LoadedModel, question: &GraderQuestion) -> Result<ChatReply, ModuleError> {
    let (constraint, sampling) = (kit::json(&question.constraint), kit::json(&question.sampling));
    let request = ChatRequest {
        messages: RSlice::from_slice(&question.messages),
        tools_json: RStr::from_str(""),
        constraint_json: constraint.as_rstr(),
        sampling_json: sampling.as_rstr(),
        extra: RStr::from_str(""),
    };
    let (to, reply) = mpsc::channel();
    model.chat(&request, chat_sink(ReplySink(to)));
    reply.recv().unwrap_or_else(|_| Err(ModuleError::fault("the grading model gave up without an answer")))
}

/// Where the grading model's reply is put.
struct ReplySink(mpsc::Sender<Result<ChatReply, ModuleError>>);

impl RawChatSink for ReplySink {
    fn delta(&self, _: DeltaKind, _: RStr<'_>) -> bool {
        true
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        // Whoever asked waits for it.
        let _ = self.0.send(reply.into_result());
    }
}
