//! Whatever way a task that is to be seen rarely is seen, the look is counted and shown: by a bench under any name of the split, by
//! a prompt with its words, over MCP, by reading its episodes. A run that judges on these tasks names who saw them.

use serde_json::{Value, json};

use crate::{mcp_serve::Served, support::Workspace};

/// A suite whose data name splits of their own: what is not in `train` is sealed, `valid_unseen` by name, `valid_seen` because
/// nothing is learnt outside the pool.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    let row = |n: usize| {
        let split = match n {
            0..60 => "train",
            60..70 => "valid_unseen",
            _ => "valid_seen",
        };
        json!({"id": format!("t{n}"), "prompt": format!("What is {n} + 1?"), "answer": n + 1, "split": split})
            .to_string()
    };
    let rows: Vec<String> = (0..80).map(row).collect();
    workspace.put("sums/tasks.jsonl", rows.join("\n"));
    workspace.put(
        "sums/suite.toml",
        "name = \"sums\"\ntasks = \"tasks.jsonl\"\n[grader]\nuse = \"tasks/numeric\"\n\
         [splits]\nexplore = 30\ngate = 70\nsealed = 0\npool = \"train\"\nsealed_from = [\"valid_unseen\", \"valid_seen\"]\n\
         [harness]\ninitial = \"harness.toml\"\n",
    );
    workspace.put("sums/harness.toml", "[model.main]\nuse = \"std/noop\"\n");
    workspace
}

const EVOLVE: [&str; 9] = ["evolve", "sums", "--rollouts", "40", "--with", "rounds=1", "--out", "out", "--quiet"];

/// What the report of a run says of looks before it.
fn looks(workspace: &Workspace) -> Value {
    workspace.run(&EVOLVE).success();
    let report: Value = serde_json::from_str(&workspace.read("out/report.json")).unwrap();
    assert_eq!(report["sealed_looks_before"], report["looks"]["sealed"]["looks"].as_array().unwrap().len());
    report["looks"].clone()
}

/// (gate looks, gate groups seen, sealed looks, sealed groups seen).
fn counts(looks: &Value) -> (usize, u64, usize, u64) {
    let of = |split: &str| (looks[split]["looks"].as_array().unwrap().len(), looks[split]["groups"].as_u64().unwrap());
    let ((gate, seen), (sealed, sealed_seen)) = (of("gate"), of("sealed"));
    (gate, seen, sealed, sealed_seen)
}

#[test]
fn a_bench_is_counted_under_every_name_of_the_split() {
    for (split, expected) in [
        ("explore", (0, 0, 0, 0)),
        ("gate", (1, 42, 0, 0)),
        ("sealed", (0, 0, 1, 10)),
        ("valid_unseen", (0, 0, 1, 10)),
        // Not in the pool, and not among those measured at the end: sealed all the same.
        ("valid_seen", (0, 0, 1, 10)),
        // Its own name for what is dealt by hash.
        ("train", (1, 42, 0, 0)),
        ("all", (1, 42, 1, 20)),
    ] {
        let workspace = workspace();
        let bench = workspace.json(&["bench", "sums", "--split", split, "--quiet"]);
        let looked = |split: &str| bench["looked"][split].as_u64().unwrap_or(0);
        assert_eq!((looked("gate"), looked("sealed")), (expected.1, expected.3), "{split}: {bench}");
        assert_eq!(counts(&bench["looks_before"]), (0, 0, 0, 0), "{split}");
        let again = workspace.run(&["bench", "sums", "--split", split, "--quiet"]).success();
        assert_eq!(again.out.contains("1 looks at"), expected != (0, 0, 0, 0), "{split}: {}", again.out);
        let both = (2 * expected.0, expected.1, 2 * expected.2, expected.3);
        let found = looks(&workspace);
        assert_eq!(counts(&found), both, "{split}: {found}");
        for look in ["gate", "sealed"].iter().flat_map(|split| found[split]["looks"].as_array().unwrap()) {
            assert!(look["run"].as_str().unwrap().starts_with("bench-") && look["kind"] == "played", "{look}");
        }
        assert!(workspace.read("out/report.html").contains("Gate looks before this run: "));
        // The same command again looks at its own tasks, which is no look of another.
        assert_eq!(counts(&looks(&workspace)), both, "{split}");
    }
}

#[test]
fn known_answers_played_without_a_harness_are_no_look() {
    let workspace = workspace();
    workspace.run(&["bench", "sums", "--model", "oracle", "--split", "all", "--quiet"]).success();
    workspace.run(&["suite", "check", "sums", "--quiet"]).success();
    assert_eq!(counts(&looks(&workspace)), (0, 0, 0, 0));
}

#[test]
fn the_same_tasks_are_known_under_another_seed_and_another_name() {
    let workspace = workspace();
    // What is explored under this seed is in part for the judge under the other.
    workspace.run(&["bench", "sums", "--split", "explore", "--seed", "2", "--quiet"]).success();
    let (gate, seen, sealed, _) = counts(&looks(&workspace));
    assert!(gate == 1 && seen > 0 && sealed == 0);
    // A copy under another name and in another order.
    let copy = crate::looks::workspace();
    copy.put("copy/suite.toml", copy.read("sums/suite.toml").replace("name = \"sums\"", "name = \"copy\""));
    let rows = copy.read("sums/tasks.jsonl");
    copy.put("copy/tasks.jsonl", rows.lines().rev().collect::<Vec<_>>().join("\n"));
    copy.put("copy/harness.toml", copy.read("sums/harness.toml"));
    copy.run(&["bench", "copy", "--split", "sealed", "--quiet"]).success();
    assert_eq!(counts(&looks(&copy)), (0, 0, 1, 10));
}

#[test]
fn a_run_with_the_words_of_a_task_is_a_look() {
    let workspace = workspace();
    let run = |prompt: &str, more: &[&str]| {
        workspace.run(&[&["run", "sums/harness.toml", "--prompt", prompt], more].concat()).success()
    };
    run("What is 7 times 8?", &[]);
    assert_eq!(counts(&looks(&workspace)), (0, 0, 0, 0));
    // However it is laid out.
    run("What is\n 65  + 1?", &[]);
    assert_eq!(counts(&looks(&workspace)), (0, 0, 1, 1));
    // Named, it is said at once.
    let said = run("What is 75 + 1?", &["--suite", "sums"]);
    assert!(said.err.contains("this is a sealed task of sums"), "{}", said.err);
    let found = looks(&workspace);
    assert_eq!(counts(&found), (0, 0, 2, 2));
    assert!(found["sealed"]["looks"][0]["run"].as_str().unwrap().starts_with("run-"), "{found}");
}

#[test]
fn mcp_clients_are_counted() {
    let workspace = workspace();
    let mut served = Served::new(&workspace, &["sums/harness.toml", "--suite", "sums"]);
    served.json("run_task", json!({"prompt": "What is 66 + 1?"}));
    served.leave();
    assert_eq!(counts(&looks(&workspace)), (0, 0, 1, 1));
    // An evolution over MCP measures on sealed tasks: for the next question that is a look.
    let mut served = Served::new(&workspace, &["--suite", "sums"]);
    let (text, failed) = served.call("evolve", json!({"minutes": 5, "rollouts": 30, "seed": 1}));
    assert!(!failed && text.contains("sealed looks before this one: "), "{text}");
    served.leave();
    let (gate, _, sealed, seen) =
        counts(&workspace.json(&["bench", "sums", "--limit", "1", "--quiet"])["looks_before"]);
    assert!(gate >= 1 && sealed >= 2 && seen == 10);
}

#[test]
fn whoever_reads_gate_episodes_is_counted_and_named() {
    let workspace = workspace();
    let bench = workspace.json(&["bench", "sums", "--split", "gate", "--limit", "3", "--quiet"]);
    let run = bench["run"].as_str().unwrap();
    let list = workspace.json(&["trace", "list", "--run", run]);
    let episode = list["episodes"][0]["start"]["episode"].as_str().unwrap();
    let other = list["episodes"][1]["start"]["episode"].as_str().unwrap();
    assert_eq!((list["episodes"][0]["start"]["split"].as_str(), list["total"].as_u64()), (Some("gate"), Some(3)));
    // Reading is counted once for each group, whatever reads it.
    assert_eq!(counts(&looks(&workspace)), (1, 3, 0, 0));
    let said = workspace.run(&["trace", "show", episode]).success();
    assert!(said.err.contains("counted as a look at 1 gate groups"), "{}", said.err);
    workspace.run(&["trace", "show", episode]).success();
    assert_eq!(counts(&looks(&workspace)), (2, 3, 0, 0));
    workspace.run(&["trace", "diff", episode, other]).success();
    workspace.run(&["trace", "export", "--run", run]).success();
    workspace.run(&["trace", "digest", "--run", run]).success();
    let found = looks(&workspace);
    assert_eq!(counts(&found), (4, 3, 0, 0), "{found}");
    let kinds: Vec<&str> =
        found["gate"]["looks"].as_array().unwrap().iter().map(|look| look["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["played", "read", "read", "read"]);
    let text = workspace.run(&EVOLVE[..8]).success().out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains(&format!("gate looks before this run: 4 ({run} played 3 of 42 groups; {run} was read, 1 of 42")),
        "{text}"
    );
    // Explore episodes may be read as often as one likes.
    let explore = workspace.json(&["bench", "sums", "--limit", "1", "--quiet"]);
    let said = workspace.run(&["trace", "digest", "--run", explore["run"].as_str().unwrap()]).success();
    assert!(!said.err.contains("counted"), "{}", said.err);
    assert_eq!(counts(&looks(&workspace)), (4, 3, 0, 0));
}

#[test]
fn a_memory_is_of_explore_episodes_and_whoever_judges_on_them_is_told() {
    let workspace = workspace();
    workspace
        .put("known.toml", "[model.main]\nuse = \"std/scripted\"\nconfig = { replies = [\"41\"], after = \"last\" }\n");
    let bench = |seed: &str, split: &str| {
        workspace
            .run(&["bench", "sums", "--harness", "known.toml", "--split", split, "--seed", seed, "--quiet"])
            .success()
    };
    bench("1", "gate");
    bench("1", "sealed");
    let build = ["memory", "build", "sums", "--out", "m.memory", "--least", "0", "--json"];
    workspace.run(&build).failure(2, &["no solved explore task of sums"]);
    // Under another seed a part of them is for the judge of this one.
    bench("2", "explore");
    let made: Value = serde_json::from_str(&workspace.run(&build).success().out).unwrap();
    assert_eq!(made["tasks"], 18);
    let found = looks(&workspace);
    let read = found["gate"]["looks"].as_array().unwrap().iter().filter(|look| look["kind"] == "read").count();
    assert_eq!(read, 1, "{found}");
}
