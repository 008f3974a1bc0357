//! The mixed suite, with real packs and no model: every part can be solved, no one harness serves all of them, and a file
//! with variants does.

use serde_json::Value;

use crate::support::Workspace;

const SMALL: &[&str] = &["--set", "household.train=24", "--set", "household.unseen=10", "--quiet"];

fn bench(workspace: &Workspace, more: &[&str]) -> Value {
    workspace.json(&[&["bench", "mixed", "--split", "all"], SMALL, more].concat())
}

fn success(workspace: &Workspace, more: &[&str]) -> f64 {
    bench(workspace, more)["success"].as_f64().unwrap()
}

#[test]
fn every_part_can_be_solved_and_no_one_harness_solves_all() {
    let workspace = Workspace::with(&["household", "routers", "generic"]);
    assert_eq!(success(&workspace, &["--model", "oracle"]), 1.0);

    let rules = |part: &str| {
        let path = format!("{}/harness-bench/suites/{part}/rules.toml", env!("CARGO_MANIFEST_DIR"));
        (part.to_owned(), std::fs::read_to_string(path).unwrap())
    };
    let alone: Vec<f64> = ["household", "functions", "menus"]
        .map(rules)
        .into_iter()
        .map(|(part, text)| {
            workspace.put(&format!("{part}.toml"), text);
            success(&workspace, &["--model", "first", "--harness", &format!("{part}.toml")])
        })
        .collect();
    let together = success(&workspace, &["--model", "rules"]);
    let best = alone.iter().fold(0.0, |a: f64, b| a.max(*b));
    assert!(together > best + 0.1, "{together} against {alone:?}");

    // The same variants in one file, routed by what is known before a task is run.
    let mut file = "fallback = \"household\"\n".to_owned();
    for part in ["functions", "menus"] {
        file += &format!("[[route]]\nsuite = \"{part}\"\nto = \"{part}\"\n");
    }
    for part in ["household", "functions", "menus"] {
        let text = rules(part).1.replace("[[", "[[variant.PART.").replace("\n[", "\n[variant.PART.");
        let text = text.replace("[variant.PART.[variant.PART.", "[[variant.PART.").replace("PART", part);
        file += &format!("[variant.{part}]\n{text}");
    }
    workspace.put("all.toml", file);
    assert_eq!(success(&workspace, &["--model", "first", "--harness", "all.toml"]), together);
}

#[test]
fn what_one_part_needs_another_forbids() {
    // The proof that one harness cannot serve all: with words no menu is passed, with calls no chore is done, and a
    // harness has one of the two.
    let workspace = Workspace::with(&["household", "routers", "generic"]);
    for part in ["household", "functions", "menus"] {
        for action in ["reply", "tool"] {
            let path = format!("{}/harness-bench/suites/{part}/rules.toml", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let other = if action == "tool" { "reply" } else { "tool" };
            let text = text.replace(&format!("action = \"{other}\""), &format!("action = \"{action}\""));
            workspace.put("one.toml", text);
            let barred = if action == "tool" { "household" } else { "menus" };
            let mut arguments = vec!["bench", barred, "--split", "all", "--quiet", "--model", "first"];
            arguments.extend(["--harness", "one.toml", "--limit", "40"]);
            assert_eq!(workspace.json(&arguments)["success"], 0.0, "{part} with {action} in {barred}");
        }
    }
    let one = Workspace::with(&[]);
    one.put("one.toml", "action = \"reply\"\n[[adapt]]\nwhen = { no_progress = 1 }\napply = [{ op = \"set\", key = \"action\", value = \"tool\" }]\n");
    one.run(&["bench", "menus", "--model", "first", "--harness", "one.toml"]).failure(2, &["cannot be done mid-task"]);
}

#[test]
fn a_part_gets_a_variant_built_on_its_own_harness() {
    // What a household needs on top of its own harness shows where that harness fails, and nowhere in the incumbent's traces.
    let workspace = Workspace::with(&["household", "routers", "generic"]);
    let evolve =
        ["evolve", "mixed", "--model", "random", "--with", "rounds=1", "--sealed", "6", "--out", "out", "--quiet"];
    workspace.run(&[&evolve[..], &["--set", "household.train=120", "--set", "household.unseen=20"]].concat()).success();
    let report: Value = serde_json::from_str(&workspace.read("out/report.json")).unwrap();
    assert_eq!(report["ships"][0]["meant_for"], "budget_exhausted", "{}", report["ships"]);
    let harness = workspace.read("out/harness.toml");
    for part in ["[variant.household", "household/planner", "[[route]]"] {
        assert!(harness.contains(part), "{part}: {harness}");
    }
    assert!(report["contrasts"].as_array().unwrap().iter().any(|one| one["against"] == "best single"));
}
