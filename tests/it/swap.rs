//! Live swap: a newer version dropped in beside the old one while an evolution is under way. The run takes it up at its next round,
//! under its own version; what was running stays with the old one; and a repetition takes up the same at the same place.

use std::{process::Stdio, time::Duration};

use harness_trace::Store;
use serde_json::Value;

use crate::support::{Workspace, library};

const ARGUMENTS: [&str; 12] = [
    "evolve",
    "functions",
    "--model",
    "random",
    "--quiet",
    "--out",
    "out",
    "--with",
    "rounds=2",
    "--with",
    "first_candidates=4",
    "--json",
];

fn facts(workspace: &Workspace) -> Vec<(String, String, Value)> {
    let Ok(store) = Store::open(workspace.path(".harness/record.sqlite")) else { return Vec::new() };
    let mut all = Vec::new();
    // Controls of the run decide for themselves.
    for run in store.runs().unwrap_or_default().into_iter().filter(|run| run.of.is_empty()) {
        let facts = store.facts(&run.id, "evolve").unwrap_or_default();
        all.extend(facts.into_iter().map(|fact| (run.id.clone(), fact.key, fact.value)));
    }
    all
}

/// Runs it until a decision of this name is recorded, and kills it.
fn until(workspace: &Workspace, decision: &str) {
    let mut child = workspace.command(&ARGUMENTS).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !facts(workspace).iter().any(|(_, key, _)| key.ends_with(decision)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it decided {decision}");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_newer_version_joins_a_run_at_its_next_round() {
    let workspace = Workspace::with(&["hello"]);
    until(&workspace, " proposed");
    let run = facts(&workspace)[0].0.clone();

    let mut newer = std::fs::read(library("hello")).unwrap();
    let (from, to) = (b"version = \"0.1.0\"", b"version = \"0.2.0\"");
    let places: Vec<usize> = (0..newer.len() - from.len()).filter(|at| newer[*at..].starts_with(from)).collect();
    places.into_iter().for_each(|at| newer[at..at + to.len()].copy_from_slice(to));
    let file = workspace.put(".harness/plugins/hello-0.2.0.so", &newer);
    until(&workspace, " arrived");

    // What joined is needed again: without it the run says so, with it it goes on and decides the same.
    std::fs::remove_file(&file).unwrap();
    workspace.run(&ARGUMENTS[..11]).failure(1, &["pack hello 0.2.0 joined this run and is not installed any more"]);
    std::fs::write(&file, &newer).unwrap();
    workspace.run(&ARGUMENTS).success();

    let all = facts(&workspace);
    assert!(all.iter().all(|(id, ..)| *id == run), "another run began");
    let arrived: Vec<&Value> =
        all.iter().filter(|(_, key, _)| key.ends_with(" arrived")).map(|(.., fact)| fact).collect();
    assert_eq!(arrived.len(), 1, "{all:?}");
    assert_eq!((&arrived[0]["before_round"], &arrived[0]["arrived"][0]["version"]), (&2.into(), &"0.2.0".into()));
    let evolution = workspace.read("out/evolution.json");
    assert!(evolution.contains("hello/greeter@0.2.0"), "the newer version was not proposed");
}
