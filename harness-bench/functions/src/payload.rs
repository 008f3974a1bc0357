//! A task on its way through the engine: what the environment needs in `data`, the gold calls in
//! `gold`, which reaches the grader alone; and the final state the grader reads.
//!
//! `kind` says only whether users contributed the task. A category's name would tell a router what
//! the answer looks like (`irrelevance`: no call), so it stays inside `data`.

use harness_abi::{ModuleError, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::check::Naming;
use crate::task::{Call, Category, FunctionTask, GoldCall, Message, Role};

#[derive(Serialize, Deserialize)]
struct TaskData {
    category: String,
    messages: Vec<Message>,
    functions: Vec<Value>,
}

/// What an episode leaves for the grader.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FinalState {
    /// The calls made, in order.
    pub calls: Vec<Call>,
    /// The text of the reply, if there was one.
    #[serde(default)]
    pub text: String,
    /// How functions were named to the model.
    #[serde(default)]
    pub naming: Naming,
}

/// The engine's form of a task.
///
/// # Errors
/// [`ModuleError`] when the task does not serialise, which no task read from a file does.
pub fn to_record(task: &FunctionTask) -> Result<Task, ModuleError> {
    let data = TaskData {
        category: task.category.name().to_owned(),
        messages: task.messages.clone(),
        functions: task.functions.clone(),
    };
    let gold_call = |call: &GoldCall| Map::from_iter([(call.name.clone(), Value::Object(call.accepted.clone()))]);
    let last_request = task.messages.iter().rev().find(|message| message.role == Role::User);
    Ok(Task {
        id: task.id.clone(),
        group: task.group.clone(),
        kind: if task.category.is_live() { "live" } else { "curated" }.to_owned(),
        prompt: last_request.map(|message| message.content.clone()).unwrap_or_default(),
        max_turns: 1,
        data: serde_json::to_value(data)?,
        gold: serde_json::to_value(task.gold.iter().map(gold_call).collect::<Vec<_>>())?,
        ..Task::default()
    })
}

/// The task in the engine's form. Its gold calls are empty where the record's were removed.
///
/// # Errors
/// [`ModuleError`] of class input when the record is not one of ours.
pub fn from_record(record: &Task) -> Result<FunctionTask, ModuleError> {
    let broken = |what: &dyn std::fmt::Display| {
        ModuleError::input(format_args!("task {} is not of the functions environment: {what}", record.id))
    };
    let data = TaskData::deserialize(&record.data).map_err(|error| broken(&error))?;
    let category: Category = data.category.parse().map_err(|error| broken(&error))?;
    let gold = Option::<Vec<Map<String, Value>>>::deserialize(&record.gold).map_err(|error| broken(&error))?;
    let gold = gold
        .unwrap_or_default()
        .into_iter()
        .map(|call| GoldCall::read(call).ok_or_else(|| broken(&"a gold call has the wrong shape")))
        .collect::<Result<_, _>>()?;
    Ok(FunctionTask {
        id: record.id.clone(),
        category,
        group: record.group.clone(),
        messages: data.messages,
        functions: data.functions,
        gold,
    })
}
