//! Whichever entry point a request comes in by, what comes of it is the same.

use serde_json::{Value, json};

use crate::{
    mcp_serve::Served,
    support::{Workspace, names},
};

/// What differs between two runs of one question: how long things took, and when.
const TIMES: [&str; 3] = ["wall_seconds", "micros", "seconds"];

/// Takes times out of a report, wherever they stand.
fn timeless(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| !TIMES.iter().any(|time| key.ends_with(time)));
            object.values_mut().for_each(timeless);
        }
        Value::Array(values) => values.iter_mut().for_each(timeless),
        _ => {}
    }
}

/// The only report of a workspace, and the run's name.
fn report(workspace: &Workspace) -> (String, String) {
    let runs = names(&workspace.path(".harness/evolve"));
    let [run] = runs.as_slice() else { panic!("one run, not {runs:?}") };
    let mut report: Value =
        serde_json::from_str(&workspace.read(&format!(".harness/evolve/{run}/report.json"))).unwrap();
    timeless(&mut report);
    (serde_json::to_string_pretty(&report).unwrap(), run.clone())
}

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.run(&["suite", "new", "capitals"]).success();
    workspace
}

#[test]
fn one_evolution_by_two_entry_points_is_one_report() {
    let (line, mcp) = (workspace(), workspace());
    line.run(&["evolve", "capitals", "--model", "random", "--minutes", "60", "--rollouts", "40", "--quiet"]).success();
    let mut served = Served::new(&mcp, &["--suite", "capitals", "--model", "random"]);
    let (text, failed) = served.call("evolve", json!({"minutes": 60, "rollouts": 40}));
    assert!(!failed, "{text}");
    served.leave();

    let ((one, run), (other, same)) = (report(&line), report(&mcp));
    assert_eq!(run, same, "the same question has the same name");
    assert!(one.contains("\"rows\"") && one.contains("\"rollouts\""), "{one}");
    assert_eq!(one, other);
    let shipped = |workspace: &Workspace| workspace.read(&format!(".harness/evolve/{run}/harness.toml"));
    assert_eq!(shipped(&line), shipped(&mcp));
}
