//! The environment and the grader of an episode: reset, actions, final state and grade, on the driver's thread or a blocking one.

use std::sync::Arc;

use harness_abi::{
    Action, EnvironmentBox, ErrorClass, ModuleError, Observation, Task, kit,
    stable::{RResult, RString},
};
use serde_json::Value;

use super::answer::elsewhere;
use crate::{
    cancel::Cancel,
    effect::{CallFailure, GradeInput},
    episode::TaskEnvironment,
    grading::{GradeRequest, GradeStep, GraderBinding},
};

pub(crate) struct EnvironmentExecutor {
    cancel: Cancel,
    /// Away while a blocking thread works with it; lost when that is given up.
    environment: Option<EnvironmentBox>,
    blocking: bool,
    /// Whole: the environment is given it without its gold answer, the grader with it.
    task: Arc<Task>,
    grader: Option<GraderBinding>,
}

type Answer = RResult<RString, ModuleError>;

impl EnvironmentExecutor {
    pub fn new(environment: TaskEnvironment, cancel: Cancel) -> Self {
        let TaskEnvironment { environment, blocking, task, grader } = environment;
        Self { cancel, environment: Some(environment), blocking, task: Arc::new(task), grader }
    }

    /// Resets the environment to its task.
    pub async fn reset(&mut self, seed: u64, time_left: u64) -> Result<(RString, Observation), CallFailure> {
        let shown = Task { gold: Value::Null, ..(*self.task).clone() };
        let json = kit::json(&shown);
        self.observe(move |environment| environment.reset(json.as_rstr(), seed), time_left).await
    }

    /// Performs an action.
    pub async fn act(&mut self, action: &Action, time_left: u64) -> Result<(RString, Observation), CallFailure> {
        let json = kit::json(action);
        self.observe(move |environment| environment.step(json.as_rstr()), time_left).await
    }

    /// Reads the final state: whatever the clock says, unless the environment was given up.
    pub async fn final_state(&mut self) -> Result<(RString, Value), CallFailure> {
        let text = self.with_environment(|environment| environment.state(), u64::MAX).await?;
        let state = serde_json::from_str(&text)
            .map_err(|error| failed(format_args!("its final state does not parse: {error}")))?;
        Ok((text, state))
    }

    /// Has the end graded.
    pub async fn grade(&mut self, input: GradeInput) -> Result<GradeStep, CallFailure> {
        let Some(GraderBinding { grader, .. }) = self.grader.clone() else {
            return Err(failed("nobody grades this"));
        };
        let task = self.task.clone();
        let work = move || {
            grader.grade(&GradeRequest {
                task: &task,
                state: &input.state,
                history: input.messages.get(input.skip..).unwrap_or_default(),
                replies: &input.replies,
            })
        };
        let step = if self.blocking { elsewhere(work, &self.cancel, u64::MAX).await? } else { work() };
        step.map_err(CallFailure::Failed)
    }

    async fn with_environment(
        &mut self,
        work: impl FnOnce(&mut EnvironmentBox) -> Answer + Send + 'static,
        time_left: u64,
    ) -> Result<RString, CallFailure> {
        let Some(mut environment) = self.environment.take() else {
            let error = ModuleError::new(ErrorClass::CANCELLED, "it was given up while it worked");
            return Err(CallFailure::Failed(error));
        };
        let answer = if self.blocking {
            let work = move || {
                let answer = work(&mut environment);
                (environment, answer)
            };
            let (environment, answer) = elsewhere(work, &self.cancel, time_left).await?;
            self.environment = Some(environment);
            answer
        } else {
            let answer = work(&mut environment);
            self.environment = Some(environment);
            answer
        };
        answer.into_result().map_err(CallFailure::Failed)
    }

    async fn observe(
        &mut self,
        work: impl FnOnce(&mut EnvironmentBox) -> Answer + Send + 'static,
        time_left: u64,
    ) -> Result<(RString, Observation), CallFailure> {
        let raw = self.with_environment(work, time_left).await?;
        match serde_json::from_str(&raw) {
            Ok(observation) => Ok((raw, observation)),
            Err(error) => Err(failed(format_args!("its observation does not parse: {error}"))),
        }
    }
}

fn failed(why: impl std::fmt::Display) -> CallFailure {
    CallFailure::Failed(ModuleError::fault(why))
}
