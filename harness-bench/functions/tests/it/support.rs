//! What several tests need: where the real data may be, and short ways to write tasks.

use std::path::PathBuf;

use bench_functions::{Call, Category, Dataset, FunctionTask, GoldCall};
use serde_json::{Value, json};

/// The real BFCL data, if this machine has it: `$BFCL_DATA`, or a pulled copy beside the
/// workspace. Prints why a test that needs it is skipped.
pub fn real_data() -> Option<Dataset> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let places = [
        std::env::var_os("BFCL_DATA").map(PathBuf::from),
        Some(workspace.join("../shared/data")),
        Some(workspace.join(".harness/cache")),
    ];
    let found = places.into_iter().flatten().find_map(|place| Dataset::open(place).ok());
    if found.is_none() {
        println!("skipped: no BFCL data (set BFCL_DATA to a folder made by `harness data pull bfcl`)");
    }
    found
}

/// A task from JSON: function documents and gold calls.
pub fn task(category: Category, functions: Value, gold: Value) -> FunctionTask {
    let gold = gold
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|call| call.as_object().into_iter().flatten())
        .map(|(name, accepted)| GoldCall {
            name: name.clone(),
            accepted: accepted.as_object().cloned().unwrap_or_default(),
        })
        .collect();
    FunctionTask {
        id: "test_0".to_owned(),
        category,
        group: "test/0".to_owned(),
        messages: Vec::new(),
        functions: functions.as_array().cloned().unwrap_or_default(),
        gold,
    }
}

/// A function document.
pub fn function(name: &str, properties: Value, required: &[&str]) -> Value {
    json!({"name": name, "description": "", "parameters": {
        "type": "dict", "properties": properties, "required": required}})
}

/// Calls from `[[name, arguments], ...]`.
pub fn calls(list: &Value) -> Vec<Call> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|call| Call { name: call[0].as_str().unwrap_or_default().to_owned(), arguments: call[1].clone() })
        .collect()
}
