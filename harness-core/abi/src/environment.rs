//! Environments: worlds with tasks; and graders: what turns a final state into a reward.

use abi_stable::{
    sabi_trait,
    std_types::{RBox, RResult, RSlice, RStr, RString},
};
use serde_json::Value;

use crate::{Action, Grade, Message, ModuleError, Observation, Task, TaskQuery};

/// An environment as the host sees it: JSON of the [`crate::records`] types.
#[sabi_trait]
pub trait RawEnvironment: Send {
    /// [`TaskQuery`] → array of [`Task`].
    fn tasks(&mut self, query: RStr<'_>) -> RResult<RString, ModuleError>;
    /// [`Task`] (its `gold` removed) and seed → first [`Observation`].
    fn reset(&mut self, task: RStr<'_>, seed: u64) -> RResult<RString, ModuleError>;
    /// [`Action`] → [`Observation`].
    fn step(&mut self, action: RStr<'_>) -> RResult<RString, ModuleError>;
    /// The final state, for the grader.
    fn state(&mut self) -> RResult<RString, ModuleError>;
    /// Whole [`Task`] → the array of [`Action`]s that solve it.
    #[sabi(last_prefix_field)]
    fn oracle(&mut self, task: RStr<'_>) -> RResult<RString, ModuleError>;
}

/// An environment as the host holds it.
pub type EnvironmentBox = RawEnvironment_TO<'static, RBox<()>>;

/// An environment as its author writes it; one instance per episode.
pub trait Environment: Send + 'static {
    /// Lists tasks. The order is part of what is listed and never changes for equal data and query.
    ///
    /// # Errors
    ///
    /// The data cannot be read, or the query names what is not there.
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError>;

    /// Begins `task` and gives the first observation.
    ///
    /// # Errors
    ///
    /// Something outside the harness failed: the episode is played again.
    fn reset(&mut self, task: &Task, seed: u64) -> Result<Observation, ModuleError>;

    /// Performs an action. An action the world refuses is an observation, not an error.
    ///
    /// # Errors
    ///
    /// Something outside the harness failed: the episode is played again.
    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError>;

    /// The final state, for the grader.
    ///
    /// # Errors
    ///
    /// Something outside the harness failed: the episode is played again.
    fn state(&mut self) -> Result<Value, ModuleError>;

    /// The actions that solve `task`, where they are known: it checks environment and grader.
    ///
    /// # Errors
    ///
    /// No solution is known, or the data cannot be read.
    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        Err(ModuleError::unsupported(format_args!("no known solution for task {}", task.id)))
    }
}

/// A grader as the host sees it.
#[sabi_trait]
pub trait RawGrader: Send + Sync {
    /// Whole [`Task`], final state, history → [`Grade`].
    #[sabi(last_prefix_field)]
    fn grade(&self, task: RStr<'_>, state: RStr<'_>, history: RSlice<'_, Message>) -> RResult<RString, ModuleError>;
}

/// A grader as its author writes it; shared.
pub trait Grader: Send + Sync + 'static {
    /// Judges the final state of `task`.
    ///
    /// # Errors
    ///
    /// The task or the state cannot be graded. That is no failure of the harness.
    fn grade(&self, task: &Task, state: &Value, history: &[Message]) -> Result<Grade, ModuleError>;
}
