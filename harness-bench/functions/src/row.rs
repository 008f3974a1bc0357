//! One line of a data file turned into a task or a gold answer. Refuses anything whose shape the
//! markers could not rely on later.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::LineFault;
use crate::task::{Category, FunctionTask, GoldCall, Message};

#[derive(Deserialize)]
struct QuestionRow {
    id: String,
    question: Vec<Vec<Message>>,
    function: Vec<Value>,
}

#[derive(Deserialize)]
struct GoldRow {
    id: String,
    ground_truth: Vec<Map<String, Value>>,
}

/// Reads one line of a question file. Ids start with `prefix` and the category's name. The gold
/// answer is left empty.
pub(crate) fn task(line: &str, category: Category, prefix: &str) -> Result<FunctionTask, LineFault> {
    let row: QuestionRow = serde_json::from_str(line)?;
    let group = group(&row.id, category, prefix)?;
    let turns = row.question.len();
    let Some(messages) = row.question.into_iter().next().filter(|_| turns == 1) else {
        return Err(LineFault::Turns { id: row.id, turns });
    };
    for (index, function) in row.function.iter().enumerate() {
        let missing = |key| LineFault::Function { id: row.id.clone(), index, key };
        function.get("name").and_then(Value::as_str).ok_or_else(|| missing("name"))?;
        function
            .get("parameters")
            .and_then(|parameters| parameters.get("properties"))
            .and_then(Value::as_object)
            .ok_or_else(|| missing("parameters.properties"))?;
    }
    Ok(FunctionTask { id: row.id, category, group, messages, functions: row.function, gold: Vec::new() })
}

/// Reads one line of a gold file: the task's id and its right calls.
pub(crate) fn gold(line: &str) -> Result<(String, Vec<GoldCall>), LineFault> {
    let row: GoldRow = serde_json::from_str(line)?;
    let calls = row
        .ground_truth
        .into_iter()
        .enumerate()
        .map(|(index, call)| GoldCall::read(call).ok_or_else(|| LineFault::GoldShape { id: row.id.clone(), index }))
        .collect::<Result<_, _>>()?;
    Ok((row.id, calls))
}

/// Fits a gold answer to its task.
pub(crate) fn attach(task: &mut FunctionTask, gold: Vec<GoldCall>) -> Result<(), LineFault> {
    if let Some(call) = gold.iter().find(|call| task.function(&call.name).is_none()) {
        return Err(LineFault::GoldName { id: task.id.clone(), name: call.name.clone() });
    }
    task.gold = gold;
    Ok(())
}

/// The group in an id: `<category>_<n>-<group>-<m>` shares its function documents with every other
/// id of the same second number; `<category>_<n>` stands alone.
fn group(id: &str, category: Category, prefix: &str) -> Result<String, LineFault> {
    let stray = || LineFault::Stray { id: id.to_owned(), category };
    let malformed = || LineFault::Id(id.to_owned());
    let (name, numbers) = id.rsplit_once('_').ok_or_else(malformed)?;
    if name.strip_prefix(prefix) != Some(category.name()) {
        return Err(stray());
    }
    let parts: Vec<&str> = numbers.split('-').collect();
    let numeric = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    match (numeric, parts.as_slice()) {
        (true, [number]) => Ok(format!("{name}/{number}")),
        (true, [_, group, _]) => Ok(format!("{name}/{group}")),
        _ => Err(malformed()),
    }
}
