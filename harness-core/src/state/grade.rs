//! The grade at the end: a step of its own, with the calls of a grading model like any other calls of models. What goes wrong here
//! says nothing of the harness.

use harness_abi::{Constraint, ModuleError, kit, stable::RString};
use harness_trace::Outcome;
use serde_json::Value;

use super::{
    chat::Chat,
    ending::TOLD_TO_STOP,
    environment_state::{ENVIRONMENT, EnvironmentState},
    phase::Phase,
    value::EpisodeState,
};
use crate::{
    conversation::key_of,
    effect::{CallFailure, Effect, GradeInput},
    grading::GradeStep,
    wait::Stopped,
};

/// Most questions a grader may ask.
const MOST_QUESTIONS: usize = 8;

impl EpisodeState {
    /// All processors were called at task_end: the environment is read and graded where the end says something.
    pub(super) fn begin_grading(&mut self) {
        let says_something = self.ending.as_ref().is_some_and(|ending| ending.outcome.counts());
        let ready = self.environment.as_ref().is_some_and(EnvironmentState::is_ready);
        self.enter(if ready && says_something { Phase::FinalState } else { Phase::LastRecord });
    }

    pub(super) fn final_state_read(&mut self, state: Result<(RString, Value), CallFailure>) {
        match state {
            Ok((text, state)) => {
                (self.grading.text, self.grading.state) = (text, state);
                let graded = self.environment.as_ref().is_some_and(EnvironmentState::is_graded);
                self.enter(if graded { Phase::Grade } else { Phase::LastRecord });
            }
            // It was given up while it worked, so there is nothing to grade; how the episode ended stands.
            Err(CallFailure::Failed(error)) if error.class == harness_abi::ErrorClass::CANCELLED => {
                self.enter(Phase::LastRecord);
            }
            Err(CallFailure::Failed(error)) => self.abort(Outcome::Infrastructure, ENVIRONMENT, &error),
            Err(CallFailure::Stopped(why)) => self.grading_stopped(why),
        }
    }

    /// The grader, or the model that it asks.
    pub(super) fn next_grading(&mut self) -> Option<Effect> {
        let Some(question) = self.grading.question.clone() else {
            let messages = self.conversation.all().clone();
            let skip = messages.len() - self.conversation.history().len();
            let (state, replies) = (self.grading.text.clone(), self.grading.replies.clone());
            return Some(Effect::Grade(GradeInput { state, messages, skip, replies }));
        };
        let model = self.target()?;
        let chat = Chat {
            prefix: key_of(&question.messages),
            messages: question.messages.into(),
            tools: "".into(),
            constraint: match &question.constraint {
                Constraint::Free => RString::new(),
                constraint => kit::json(constraint),
            },
            sampling: harness_abi::Sampling { seed: 0, ..question.sampling },
            index: self.grading.replies.len() as u64 + 1,
            asker: GRADE.to_owned(),
        };
        Some(self.chat(model, chat, false))
    }

    pub(super) fn graded(&mut self, step: Result<GradeStep, CallFailure>) {
        match step {
            Ok(GradeStep::Done(grade)) => {
                self.grading.grade = Some(grade);
                self.enter(Phase::LastRecord);
            }
            Ok(GradeStep::Ask(_)) if self.grading.replies.len() == MOST_QUESTIONS => {
                let message = format!("it asked {MOST_QUESTIONS} times and still gives no grade");
                self.grading_failed(GRADE, &ModuleError::fault(message));
            }
            Ok(GradeStep::Ask(question)) => self.grading.question = Some(question),
            Err(CallFailure::Failed(error)) => self.grading_failed(GRADE, &error),
            Err(CallFailure::Stopped(why)) => self.grading_stopped(why),
        }
    }

    pub(super) fn grading_failed(&mut self, who: &str, error: &ModuleError) {
        self.abort(Outcome::Infrastructure, who, error);
    }

    /// An episode that was stopped before it had its grade has none: it is to be repeated.
    pub(super) fn grading_stopped(&mut self, _: Stopped) {
        self.close_as(Outcome::Cancelled, TOLD_TO_STOP);
    }
}

/// Whose failure the record names, and who asks where a seed is derived.
const GRADE: &str = "grader";
