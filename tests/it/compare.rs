//! `harness compare`: two sides on the same tasks, paired by task and seed.

use serde_json::{Value, json};

use crate::support::Workspace;

/// Sums whose answers are 1 or 2, sixty groups of them; two stand-ins that always say the same.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    let row = |n: usize| {
        // Two thirds of the answers are 2.
        let answer = if n.is_multiple_of(3) { 1 } else { 2 };
        json!({"id": format!("t{n}"), "prompt": format!("Task {n}: say {answer}."), "answer": answer}).to_string()
    };
    workspace.put("sums/tasks.jsonl", (0..60).map(row).collect::<Vec<_>>().join("\n"));
    workspace.put(
        "sums/suite.toml",
        "name = \"sums\"\ntasks = \"tasks.jsonl\"\n[grader]\nuse = \"tasks/numeric\"\n\
         [splits]\nexplore = 60\ngate = 20\nsealed = 20\n[harness]\ninitial = \"one.toml\"\n",
    );
    for (name, says) in [("one", "1"), ("two", "2")] {
        let harness = format!("[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"{says}\"]\n");
        workspace.put(&format!("sums/{name}.toml"), &harness);
        workspace.put(&format!("{name}.toml"), harness);
    }
    workspace
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn the_better_side_is_found_and_where_they_part() {
    let workspace = workspace();
    let compared = workspace.json(&["compare", "one.toml", "two.toml", "--suite", "sums", "--split", "all", "--quiet"]);
    let gap = &compared["gap"];
    assert_eq!((gap["groups"].as_u64(), gap["pairs"].as_u64()), (Some(60), Some(60)), "{compared}");
    assert!((number(&gap["mean"]) - 1.0 / 3.0).abs() < 1e-9, "{gap}");
    assert!(number(&gap["low"]) > -0.1 && number(&gap["high"]) < 0.75, "{gap}");
    assert_eq!(compared["apart"].as_array().unwrap().len(), 60, "they never agree");
    let [a, b] = ["a", "b"].map(|side| compared[side]["run"].as_str().unwrap().to_owned());
    // The same of what is on record: nothing is played, and the numbers are those.
    let recorded = workspace.json(&["compare", &a, &b]);
    assert_eq!(recorded["apart"], compared["apart"]);
    // The bounds of a look at the end only are as wide at least as those of many looks together.
    for part in ["mean", "groups", "pairs"] {
        assert_eq!(recorded["gap"][part], gap[part], "{part}");
    }
    assert!(number(&recorded["gap"]["low"]) <= number(&gap["low"]), "{recorded}");
    let shown = workspace.run(&["compare", &a, &b, "--show", "1"]).success().out;
    assert!(shown.contains("b − a  +33.3 points") && shown.contains("59 more: --show N"), "{shown}");
    let diff = shown.lines().find_map(|line| line.trim().strip_prefix("harness ")).unwrap().to_owned();
    workspace.run(&diff.split(' ').collect::<Vec<_>>()).success();
}

#[test]
fn a_look_at_rare_tasks_is_counted() {
    let workspace = workspace();
    let compared =
        workspace.json(&["compare", "initial", "two.toml", "--suite", "sums", "--split", "sealed", "--quiet"]);
    assert_eq!(compared["looked"]["sealed"].as_u64(), compared["gap"]["groups"].as_u64(), "{compared}");
    let bench = workspace.json(&["bench", "sums", "--quiet"]);
    assert_eq!(bench["looks_before"]["sealed"]["groups"], compared["gap"]["groups"], "{bench}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let workspace = workspace();
    workspace
        .run(&["compare", "one.toml", "one.toml", "--suite", "sums"])
        .failure(2, &["nothing to compare", "--model-a"]);
    workspace.run(&["compare", "bench-1", "bench-2"]).failure(2, &["has no run `bench-1`", "--suite"]);
    workspace.run(&["compare", "one.toml", "nowhere.toml", "--suite", "sums"]).failure(2, &["nowhere.toml"]);
    workspace.run(&["compare", "one.toml", "two.toml", "--model", "noop"]).failure(2, &["--suite"]);
}
