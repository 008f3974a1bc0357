//! The world of an episode: reset, steps, final state and grade, on the driver's thread or a blocking one.

use std::sync::Arc;

use harness_abi::{
    Action, EnvironmentBox, ErrorClass, Grade, GraderBox, ModuleError, Observation, Task, kit,
    stable::{RResult, RString},
};
use harness_trace::Outcome;
use serde_json::Value;

use crate::{
    agent::World,
    calls,
    driver::Live,
    wait::{Stopped, until},
};

/// Whose failure the record names.
const ENVIRONMENT: &str = "environment";

/// A world while an episode runs in it.
pub(crate) struct Stage {
    /// Away while a blocking thread works with it; lost when that is given up.
    environment: Option<EnvironmentBox>,
    blocking: bool,
    task: Task,
    grader: Option<Arc<GraderBox>>,
    ready: bool,
    pub state: Value,
    pub grade: Option<Grade>,
}

/// Why the world has no answer.
pub(crate) enum WorldError {
    Module(ModuleError),
    Stopped(Stopped),
}

impl Stage {
    pub fn new(world: World) -> Self {
        let World { environment, blocking, task, grader } = world;
        let environment = Some(environment);
        Self { environment, blocking, task, grader, ready: false, state: Value::Null, grade: None }
    }
}

type Answer = RResult<RString, ModuleError>;

impl Live<'_> {
    async fn with_environment(
        &mut self,
        work: impl FnOnce(&mut EnvironmentBox) -> Answer + Send + 'static,
    ) -> Result<RString, WorldError> {
        let left = self.time_left();
        let Some(stage) = &mut self.world else {
            return Err(WorldError::Module(ModuleError::fault("the episode has no world")));
        };
        let Some(mut environment) = stage.environment.take() else {
            return Err(WorldError::Module(ModuleError::new(ErrorClass::CANCELLED, "it was given up while it worked")));
        };
        let answer = if stage.blocking {
            let thread = tokio::task::spawn_blocking(move || {
                let answer = work(&mut environment);
                (environment, answer)
            });
            match until(thread, &self.spec.cancel, left).await {
                Ok(Ok((environment, answer))) => {
                    stage.environment = Some(environment);
                    answer
                }
                Ok(Err(error)) => return Err(WorldError::Module(ModuleError::fault(error))),
                Err(stopped) => return Err(WorldError::Stopped(stopped)),
            }
        } else {
            let answer = work(&mut environment);
            stage.environment = Some(environment);
            answer
        };
        answer.into_result().map_err(WorldError::Module)
    }

    async fn observe(
        &mut self,
        work: impl FnOnce(&mut EnvironmentBox) -> Answer + Send + 'static,
    ) -> Result<(RString, Observation), WorldError> {
        let raw = self.with_environment(work).await?;
        match serde_json::from_str::<Observation>(&raw) {
            Ok(mut observation) => {
                if let Some(workspace) = observation.workspace.take() {
                    self.tool_extra = calls::extra(Some(workspace.clone()));
                    self.workspace = Some(workspace);
                }
                Ok((raw, observation))
            }
            Err(error) => {
                let error = ModuleError::fault(format_args!("its observation does not parse: {error}"));
                Err(WorldError::Module(error))
            }
        }
    }

    /// Resets the world and begins the episode with what it shows.
    pub async fn reset_world(&mut self) {
        let Some(stage) = &self.world else { return };
        let prompt = stage.task.prompt.clone();
        let shown = Task { gold: Value::Null, ..stage.task.clone() };
        let (json, seed) = (kit::json(&shown), self.spec.meta.seed);
        match self.observe(move |environment| environment.reset(json.as_rstr(), seed)).await {
            Ok((raw, observation)) => {
                if let Some(stage) = &mut self.world {
                    stage.ready = true;
                }
                self.machine.begin_in_world(raw, observation, &prompt);
            }
            Err(WorldError::Module(error)) => self.machine.abort(Outcome::Infrastructure, ENVIRONMENT, &error),
            Err(WorldError::Stopped(why)) => self.stopped(why),
        }
    }

    /// Performs an action; gives what is seen and whether the action was refused. `None`: the episode ended.
    pub async fn act(&mut self, action: &Action) -> Option<(String, bool)> {
        let json = kit::json(action);
        match self.observe(move |environment| environment.step(json.as_rstr())).await {
            Ok((raw, observation)) => {
                let seen = (observation.text.clone(), observation.invalid);
                self.machine.observed(raw, observation);
                Some(seen)
            }
            Err(WorldError::Module(error)) => {
                self.machine.infrastructure(None, ENVIRONMENT, &error);
                None
            }
            Err(WorldError::Stopped(why)) => {
                self.stopped(why);
                None
            }
        }
    }

    /// Reads the final state and has it judged.
    pub async fn close_world(&mut self) {
        let stopped = |outcome| matches!(outcome, Outcome::Infrastructure | Outcome::Cancelled);
        let outcome = self.machine.ending.as_ref().map(|ending| ending.outcome);
        if !self.world.as_ref().is_some_and(|stage| stage.ready) || outcome.is_none_or(stopped) {
            return;
        }
        if let Err((module, error)) = self.judge().await {
            self.machine.abort(Outcome::Infrastructure, module, &error);
        }
    }

    async fn judge(&mut self) -> Result<(), (&'static str, ModuleError)> {
        // The end is read whatever the clock says, unless the world was given up.
        let (state_text, state) = match self.final_state().await {
            Ok(both) => both,
            Err(error) if error.class == ErrorClass::CANCELLED => return Ok(()),
            Err(error) => return Err((ENVIRONMENT, error)),
        };
        let Some(stage) = &mut self.world else { return Ok(()) };
        stage.state = state;
        let Some(grader) = stage.grader.clone() else { return Ok(()) };
        let task = kit::json(&stage.task);
        let messages = self.machine.talk.all().clone();
        let skip = messages.len() - self.machine.talk.history().len();
        let work = move || {
            let history = messages.get(skip..).unwrap_or_default();
            grader.grade(task.as_rstr(), state_text.as_rstr(), history.into())
        };
        let judged = match stage.blocking {
            true => {
                tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| RResult::RErr(ModuleError::fault(error)))
            }
            false => work(),
        };
        let judged = judged.into_result().and_then(|json| Ok(serde_json::from_str(&json)?));
        stage.grade = Some(judged.map_err(|error| ("grader", error))?);
        Ok(())
    }

    async fn final_state(&mut self) -> Result<(RString, Value), ModuleError> {
        let text = match self.with_environment(|environment| environment.state()).await {
            Ok(text) => text,
            Err(WorldError::Module(error)) => return Err(error),
            Err(WorldError::Stopped(_)) => return Err(ModuleError::new(ErrorClass::CANCELLED, "stopped")),
        };
        let state = serde_json::from_str(&text)
            .map_err(|error| ModuleError::fault(format_args!("its final state does not parse: {error}")))?;
        Ok((text, state))
    }
}
