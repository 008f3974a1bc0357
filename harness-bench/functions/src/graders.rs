//! The two graders as modules. Their reasons name what the agent did, never what it should have
//! done: reasons end up in traces that others read.

use harness_abi::{Grade, Grader, Message, ModuleError, Task};
use serde::Deserialize;
use serde_json::Value;

use crate::check::{Mismatch, check_ast, check_choice};
use crate::payload::{self, FinalState};
use crate::task::FunctionTask;

/// Right functions named; see [`check_choice`].
#[derive(Debug, Clone, Copy)]
pub struct ChoiceGrader;

/// Whole calls right; see [`check_ast`].
#[derive(Debug, Clone, Copy)]
pub struct AstGrader;

impl Grader for ChoiceGrader {
    fn grade(&self, task: &Task, state: &Value, _history: &[Message]) -> Result<Grade, ModuleError> {
        let (task, state) = read(task, state)?;
        Ok(grade("choice", check_choice(&task, &state.calls, state.naming)))
    }
}

impl Grader for AstGrader {
    fn grade(&self, task: &Task, state: &Value, _history: &[Message]) -> Result<Grade, ModuleError> {
        let (task, state) = read(task, state)?;
        let mut grade = grade("ast", check_ast(&task, &state.calls, state.naming));
        let choice = check_choice(&task, &state.calls, state.naming);
        grade.parts.push(("choice".to_owned(), reward(&choice)));
        Ok(grade)
    }
}

fn read(task: &Task, state: &Value) -> Result<(FunctionTask, FinalState), ModuleError> {
    let function_task = payload::from_record(task)?;
    if function_task.category.has_gold() && function_task.gold.is_empty() {
        return Err(ModuleError::input(format_args!("task {} reached the grader without its gold answer", task.id)));
    }
    let state = FinalState::deserialize(state).map_err(|error| {
        ModuleError::input(format_args!("the final state of {} is not of the functions environment: {error}", task.id))
    })?;
    Ok((function_task, state))
}

fn reward(outcome: &Result<(), Mismatch>) -> f64 {
    if outcome.is_ok() { 1.0 } else { 0.0 }
}

fn grade(part: &str, outcome: Result<(), Mismatch>) -> Grade {
    Grade {
        reward: reward(&outcome),
        parts: vec![(part.to_owned(), reward(&outcome))],
        reasons: outcome.err().into_iter().map(|mismatch| mismatch.to_string()).collect(),
        ..Grade::default()
    }
}
