//! Grading: who gives an episode its grade, and how a grader asks a model. A grader that asks names its question and is called
//! again with the reply; the engine has the question answered like any other call, so that it is recorded, cancelled and replayed
//! like any other.

use std::{fmt, sync::Arc};

use harness_abi::{
    ChatReply, Constraint, Grade, GraderBox, Message, ModuleError, Sampling, Task, kit,
    stable::{RSlice, RStr},
};
use harness_host::LoadedModel;
use harness_spec::ModuleRef;

/// What is to be graded.
#[derive(Debug, Clone, Copy)]
pub struct GradeRequest<'a> {
    /// The task, whole: the grader alone sees its gold answer.
    pub task: &'a Task,
    /// The environment's final state: JSON as text.
    pub state: &'a str,
    /// The conversation, without the system message.
    pub history: &'a [Message],
    /// Replies to the questions this grader asked so far, in order.
    pub replies: &'a [ChatReply],
}

/// A question of a grader to the model of its [`GraderBinding`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GraderQuestion {
    /// The conversation.
    pub messages: Vec<Message>,
    /// What the reply must look like.
    pub constraint: Constraint,
    /// How tokens are drawn; the seed is the engine's to set.
    pub sampling: Sampling,
}

/// What a grader came to.
#[derive(Debug, Clone, PartialEq)]
pub enum GradeStep {
    /// A grade.
    Done(Grade),
    /// It must know this first, and is then called again.
    Ask(GraderQuestion),
}

/// Who grades: shared by all episodes, and pure but for what it asks.
pub trait AskingGrader: Send + Sync {
    /// Grades, or asks.
    ///
    /// # Errors
    ///
    /// When it cannot grade this: the episode then ends as `infrastructure`, without a grade.
    fn grade(&self, request: &GradeRequest<'_>) -> Result<GradeStep, ModuleError>;
}

impl AskingGrader for GraderBox {
    fn grade(&self, request: &GradeRequest<'_>) -> Result<GradeStep, ModuleError> {
        let task = kit::json(request.task);
        let history = RSlice::from_slice(request.history);
        let grade = GraderBox::grade(self, task.as_rstr(), RStr::from_str(request.state), history).into_result()?;
        Ok(GradeStep::Done(serde_json::from_str(grade.as_str())?))
    }
}

/// A grader, and the model that answers its questions if it has any.
#[derive(Clone)]
pub struct GraderBinding {
    /// The grader.
    pub grader: Arc<dyn AskingGrader>,
    /// The model it asks. A question without one is an error.
    pub model: Option<(ModuleRef, Arc<LoadedModel>)>,
}

impl fmt::Debug for GraderBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraderBinding").field("model", &self.model).finish_non_exhaustive()
    }
}

impl From<GraderBox> for GraderBinding {
    fn from(grader: GraderBox) -> Self {
        Self { grader: Arc::new(grader), model: None }
    }
}

impl From<Arc<GraderBox>> for GraderBinding {
    fn from(grader: Arc<GraderBox>) -> Self {
        Self { grader: Arc::new(Shared(grader)), model: None }
    }
}

struct Shared(Arc<GraderBox>);

impl AskingGrader for Shared {
    fn grade(&self, request: &GradeRequest<'_>) -> Result<GradeStep, ModuleError> {
        AskingGrader::grade(&*self.0, request)
    }
}
