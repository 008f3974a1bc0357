//! The self-written set: a few dozen tasks in BFCL's row format, with the category and the gold
//! answer in the same row. For tests and first tries; it is not BFCL and never reported as such.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{DataError, LineFault};
use crate::lines::{fault_at, lines};
use crate::row;
use crate::task::{Category, FunctionTask};

const TEXT: &str = include_str!("../data/selfwritten.jsonl");

#[derive(Deserialize)]
struct Head {
    category: String,
    #[serde(default)]
    ground_truth: Option<Value>,
}

/// Reads the embedded file.
pub(crate) fn tasks() -> Result<HashMap<Category, Vec<FunctionTask>>, DataError> {
    let mut tasks: HashMap<Category, Vec<FunctionTask>> = HashMap::new();
    for (number, line) in lines(TEXT) {
        let task = read(line).map_err(fault_at(Path::new("selfwritten.jsonl"), number))?;
        tasks.entry(task.category).or_default().push(task);
    }
    Ok(tasks)
}

fn read(line: &str) -> Result<FunctionTask, LineFault> {
    let head: Head = serde_json::from_str(line)?;
    let category: Category = head.category.parse()?;
    let mut task = row::task(line, category, "own_")?;
    match (category.has_gold(), head.ground_truth) {
        (true, Some(_)) => {
            let (_, gold) = row::gold(line)?;
            row::attach(&mut task, gold)?;
        }
        (true, None) => return Err(LineFault::NoGold(task.id)),
        (false, _) => {}
    }
    Ok(task)
}
