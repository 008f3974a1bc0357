//! `evolve` end to end, with real packs and stand-in models: a run that is killed again and again decides what its
//! uninterrupted twin decides and pays nothing twice; a pack dropped in becomes a candidate.

use std::{
    collections::HashSet,
    process::{Command, Stdio},
};

use harness_trace::{Filter, Store};
use serde_json::Value;

use crate::{
    new_pack,
    support::{Workspace, names},
};

pub const HOUSEHOLD: &[&str] = &[
    "evolve",
    "household",
    "--model",
    "random",
    "--quiet",
    "--sealed",
    "5",
    "--out",
    "out",
    "--set",
    "train=40",
    "--set",
    "unseen=10",
    "--with",
    "rounds=1",
    "--with",
    "first_candidates=6",
    "--with",
    "explore_groups=6",
    "--with",
    "screen_tasks=4",
];

/// Stops of the test below, every other of them by Ctrl-C, the others by SIGKILL.
const STOPS: u32 = 14;

/// What a run decided: every fact of it in order, and its result without what depends on how often it was stopped.
pub fn decided(workspace: &Workspace) -> (Vec<(String, Value)>, Value) {
    let store = Store::open(workspace.path(".harness/record.sqlite")).unwrap();
    let mut facts = Vec::new();
    for run in store.runs().unwrap() {
        for id in [run.id.clone(), format!("{}-generic", run.id)] {
            for kind in ["evolve", "evolve.measure"] {
                let of_kind = store.facts(&id, kind).unwrap();
                facts.extend(of_kind.into_iter().map(|fact| (format!("{id} {kind} {}", fact.key), fact.value)));
            }
        }
    }
    let mut evolution: Value = serde_json::from_str(&workspace.read("out/evolution.json")).unwrap();
    for volatile in ["remembered", "episode_micros", "replayed"] {
        evolution["meter"].as_object_mut().unwrap().remove(volatile);
    }
    (facts, evolution)
}

/// Rollouts whose outcome counts, and how many of them were played more than once.
pub fn played(workspace: &Workspace) -> (usize, usize) {
    let store = Store::open(workspace.path(".harness/record.sqlite")).unwrap();
    let rows = store.episodes(&Filter { ended: true, ..Filter::default() }).unwrap();
    let counted: Vec<_> = rows.iter().filter(|row| row.outcome.is_some_and(harness_trace::Outcome::counts)).collect();
    let different: HashSet<_> =
        counted.iter().map(|row| (&row.start.run, &row.start.harness, &row.start.task, row.start.seed)).collect();
    (counted.len(), counted.len() - different.len())
}

#[test]
fn stopped_at_any_moment_it_decides_the_same_and_pays_nothing_twice() {
    let packs = ["household", "generic"];
    let twin = Workspace::with(&packs);
    twin.run(HOUSEHOLD).success();
    let whole = played(&twin).0;

    let workspace = Workspace::with(&packs);
    workspace.put(".harness/none", "");
    let record = Store::open(workspace.path(".harness/record.sqlite")).unwrap();
    let ended = || record.episodes(&Filter { ended: true, ..Filter::default() }).unwrap().len();
    let mut stopped = 0;
    for moment in 0..STOPS {
        let mut child = workspace.command(HOUSEHOLD).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Moments are counted in episodes of the record, however fast the machine is.
        let due = whole * moment as usize / (STOPS as usize + 1);
        while ended() < due && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let signal = if moment % 2 == 0 { "-KILL" } else { "-INT" };
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        // No code: a Ctrl-C in the first moments, before anything is begun, just ends it.
        match child.wait().unwrap().code() {
            None | Some(130) => stopped += 1,
            Some(0) => {} // so much is in the record by now that it was done before its stop
            code => panic!("stop {moment} by {signal}: {code:?}"),
        }
    }
    assert!(stopped >= 10, "only {stopped} stops came in time");
    drop(record);
    workspace.run(HOUSEHOLD).success();
    let (mine, its) = (decided(&workspace), decided(&twin));
    for (one, other) in mine.0.iter().zip(&its.0) {
        assert_eq!(one, other);
    }
    assert_eq!((mine.0.len(), mine.1), (its.0.len(), its.1));
    let (rollouts, twice) = played(&workspace);
    assert_eq!((rollouts, twice), (played(&twin).0, 0));
    assert!(rollouts > 50, "{rollouts}");

    // What it decided holds against its record; the same decisions in a record without the episodes do not.
    let found = workspace.run(&["evolve", "verify", "latest"]).success().out;
    assert!(found.contains("confirmed  round 1") && !found.contains("DIFFERS"), "{found}");
    let (store, forged) = (".harness/record.sqlite", "forged.sqlite");
    let store = Store::open(workspace.path(store)).unwrap();
    let other = Store::open(workspace.path(forged)).unwrap();
    for run in store.runs().unwrap() {
        for fact in store.facts(&run.id, "evolve").unwrap() {
            other.put_fact(&run.id, "evolve", &fact.key, &fact.value).unwrap();
        }
        other.begin_run(run).unwrap();
    }
    drop(other);
    let found = workspace.run(&["evolve", "verify", "latest", "--record", forged]);
    assert_eq!(found.code, Some(1));
    assert!(found.out.contains("DIFFERS") && found.out.contains("no such episode"), "{}", found.out);
}

#[test]
fn a_pack_dropped_in_becomes_a_candidate() {
    let workspace = Workspace::new();
    let library = new_pack::build(&workspace, "processor");
    let name = library.file_name().unwrap().to_str().unwrap().to_owned();
    let arguments = [
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
        "first_candidates=24",
    ];
    let proposed = || {
        workspace.run(&arguments).success();
        workspace.read("out/evolution.json").contains("new-processor/reminder")
    };
    assert!(!proposed());
    workspace.put(&format!(".harness/plugins/{name}"), std::fs::read(&library).unwrap());
    assert!(proposed(), "the new module is not among the candidates");
    let runs = names(&workspace.path("out"));
    assert!(["report.html", "report.json", "harness.toml"].iter().all(|file| runs.contains(&(*file).to_owned())));
}

/// One reply that fits the questions of all stages.
const ADVICE: &str = r#"{"category": "no_progress", "note": "It never opens anything.", "order": [1, 0], "refuse": [],
    "edits": [{"changes": [{"op": "configure", "id": "system_prompt", "key": "text", "value": "Open what is closed."}],
               "category": "no_progress"}]}"#;

#[test]
fn stages_may_ask_a_model_whose_words_are_in_the_record() {
    let workspace = Workspace::with(&["household", "generic"]);
    let harness = format!(
        "action = \"reply\"\n[budget]\nsteps = 10\n\
         [model.meta]\nuse = \"std/scripted\"\nconfig.replies = [{ADVICE:?}]\nconfig.input_tokens = 70\n\
         [[processor]]\nuse = \"std/system_prompt\"\nconfig.text = \"Do the chore.\"\n\
         [[processor]]\nuse = \"std/output_constraint\"\n"
    );
    workspace.put("begin.toml", harness);
    let arguments = [HOUSEHOLD, &["--harness", "begin.toml", "--with", "tunings=0"]].concat();
    workspace.run(&arguments).success();

    let store = Store::open(workspace.path(".harness/record.sqlite")).unwrap();
    let asked = |store: &Store| {
        let rows = store.episodes(&Filter { ended: true, ..Filter::default() }).unwrap();
        let questions = rows.into_iter().filter(|row| row.start.task.starts_with("question of the "));
        questions.map(|row| (row.start.run, row.start.task, row.usage.input_tokens)).collect::<Vec<_>>()
    };
    let questions = asked(&store);
    for stage in ["digester", "planner", "evolver", "critic"] {
        assert!(questions.iter().any(|(_, task, _)| task == &format!("question of the {stage}")), "{questions:?}");
    }
    let evolution: Value = serde_json::from_str(&workspace.read("out/evolution.json")).unwrap();
    let run = evolution["config"]["run"].as_str().unwrap();
    let of_run = questions.iter().filter(|(of, ..)| of == run);
    assert_eq!(evolution["meter"]["stages"]["input_tokens"], of_run.map(|(.., tokens)| tokens).sum::<u64>());
    let decided: String = store.facts(run, "evolve").unwrap().iter().map(|fact| fact.value.to_string()).collect();
    assert!(decided.contains("Open what is closed."), "the edit it wrote was not proposed");
    assert!(!evolution["final"].to_string().contains("scripted"), "the model of the stages is no part of a harness");

    // Told again what it was told, it asks nothing.
    workspace.run(&arguments).success();
    assert_eq!(asked(&store), questions);
    workspace.run(&["evolve", "verify", "latest"]).success();

    // How it failed; questions are no tasks.
    let digest = workspace.json(&["trace", "digest", "--run", run]);
    assert!(digest["landscape"]["tasks"].as_u64().unwrap() > 0, "{digest}");
    assert!(!digest.to_string().contains("question of"), "{digest}");
    let text = workspace.run(&["trace", "digest", "--suite", "household"]).success().out;
    assert!(text.contains("episodes of") && text.contains("of `harness trace show "), "{text}");
}
