//! A suite of one's own: from a table to a checked benchmark, a bench and an evolution; and every way in which it can be wrong.

use serde_json::json;

use crate::support::Workspace;

/// Sums, as a person's table would hold them.
fn table(rows: usize) -> String {
    let row = |n: usize| format!("{n},\"What is {n} + {}?\",{},{}\n", n + 1, 2 * n + 1, n / 2);
    std::iter::once("number,question,sum,pair\n".to_owned()).chain((1..=rows).map(row)).collect()
}

fn made(rows: usize, more: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    workspace.put("sums.csv", table(rows));
    let arguments = ["suite", "new", "sums", "--from", "sums.csv", "--prompt", "question", "--answer", "sum"];
    workspace.run(&[&arguments, more].concat()).success();
    workspace
}

#[test]
fn a_table_becomes_a_benchmark_that_is_checked_benched_and_evolved_on() {
    let workspace = made(100, &["--grader", "numeric", "--id", "number"]);
    let check = workspace.json(&["suite", "check", "sums", "--quiet"]);
    assert_eq!(check["broken"], false, "{check}");
    assert_eq!(check["audit"]["solved"], 100);
    assert_eq!(check["groups"], json!({"explore": 30, "gate": 45, "sealed": 25}));

    assert_eq!(workspace.json(&["bench", "sums", "--model", "oracle", "--split", "all", "--quiet"])["success"], 1.0);
    assert_eq!(workspace.json(&["bench", "sums", "--model", "noop", "--split", "all", "--quiet"])["success"], 0.0);
    // The file itself names the suite as well as its folder does.
    let named = workspace.json(&["bench", "sums/suite.toml", "--model", "oracle", "--limit", "3", "--quiet"]);
    assert_eq!((&named["episodes"], &named["success"]), (&json!(3), &json!(1.0)));

    let evolve = ["evolve", "sums", "--model", "random", "--with", "rounds=1", "--out", "out", "--quiet"];
    workspace.run(&evolve).success();
    let report: serde_json::Value = serde_json::from_str(&workspace.read("out/report.json")).unwrap();
    assert_eq!((&report["label"], &report["simulated"]), (&json!("sums"), &json!(true)));
}

#[test]
fn a_judge_marks_by_a_rubric_and_nothing_is_guessed() {
    let workspace = made(40, &["--grader", "numeric"]);
    let suite = workspace.read("sums/suite.toml");
    let grader = |says: &str, rubric: &str| {
        let model = format!(
            "model = {{ use = \"std/scripted\", config = {{ replies = [\"{says}\"], after = \"last\", output_tokens = 3 }} }}"
        );
        let table = format!("[grader]\nrubric = \"{rubric}\"\n{model}");
        workspace.put("sums/suite.toml", suite.replace("[grader]\nuse = \"tasks/numeric\"", &table));
    };
    grader("Pass.", "It states the sum.");
    let bench = ["bench", "sums", "--model", "oracle", "--split", "all", "--quiet"];
    let marked = workspace.json(&bench);
    assert_eq!((&marked["success"], &marked["marking"]["output_tokens"]), (&json!(1.0), &json!(120)), "{marked}");
    assert_eq!(workspace.json(&["bench", "sums", "--model", "noop", "--split", "all", "--quiet"])["success"], 0.0);
    let passes = workspace.json(&["bench", "sums", "--model", "oracle", "--quiet"])["run"].clone();
    // Another grader is another benchmark.
    grader("fail", "It states the sum.");
    let fails = workspace.json(&["bench", "sums", "--model", "oracle", "--quiet"]);
    assert_eq!(fails["success"], 0.0);
    assert_ne!(
        fails["run"].as_str().unwrap().rsplit_once('-').unwrap().0,
        passes.as_str().unwrap().rsplit_once('-').unwrap().0
    );
    grader("who knows", "It states the sum.");
    workspace.run(&["suite", "check", "sums", "--quiet"]).failure(1, &["would be wrong"]);
    grader("pass", " ");
    workspace.run(&["suite", "check", "sums"]).failure(2, &["`rubric` is empty"]);
}

#[test]
fn stats_count_what_is_there() {
    let workspace = made(60, &["--grader", "numeric", "--group", "pair"]);
    let stats = workspace.json(&["suite", "stats", "sums"]);
    assert_eq!((&stats["tasks"], &stats["groups"], &stats["largest_group"]), (&json!(60), &json!(31), &json!(2)));
    let said = workspace.run(&["suite", "stats", "sums"]).success().out;
    assert!(said.starts_with("sums: 60 tasks in 31 groups, the largest of 2\nmarked by: tasks/numeric\n"), "{said}");
}

#[test]
fn another_file_is_another_benchmark() {
    let workspace = made(40, &["--grader", "numeric"]);
    let bench = ["bench", "sums", "--model", "noop", "--quiet"];
    let before = workspace.json(&bench);
    let longer = workspace.read("sums/tasks.jsonl").replace("What is 1 +", "How much is 1 +");
    workspace.put("sums/tasks.jsonl", longer);
    let after = workspace.json(&bench);
    let name = |object: &serde_json::Value| object["run"].as_str().unwrap().rsplit_once('-').unwrap().0.to_owned();
    assert_ne!(name(&before), name(&after));
}

#[test]
fn a_suite_of_the_time_of_folds_is_read_and_told_that_they_change_nothing() {
    let workspace = made(60, &["--grader", "numeric"]);
    let check = || workspace.json(&["suite", "check", "sums", "--quiet"]);
    let before = check();
    let suite = workspace.read("sums/suite.toml");
    workspace.put("sums/suite.toml", suite.replace("[splits]\n", "[splits]\nfolds = 2\n"));
    let after = check();
    assert_eq!(after["groups"], before["groups"]);
    let told =
        |check: &serde_json::Value| check["warnings"].to_string().contains("`folds` in [splits] changes nothing");
    assert!(told(&after) && !told(&before), "{after}");
}

#[test]
fn rows_of_a_group_are_never_parted() {
    let workspace = made(60, &["--grader", "numeric", "--group", "pair"]);
    let check = workspace.json(&["suite", "check", "sums", "--quiet"]);
    let groups = &check["groups"];
    let count = |value: &serde_json::Value| value.as_u64().unwrap();
    assert_eq!(count(&groups["explore"]) + count(&groups["gate"]) + count(&groups["sealed"]), 31);
}

#[test]
fn what_is_wrong_with_a_suite_is_said() {
    let check = |tasks: &str, grader: &str| {
        let workspace = made(12, &[]);
        workspace.put("sums/tasks.jsonl", tasks);
        let suite = workspace.read("sums/suite.toml").replace("tasks/exact", grader);
        workspace.put("sums/suite.toml", suite);
        workspace.run(&["suite", "check", "sums", "--quiet"])
    };
    let rows = |answer: &str| -> String {
        (0..12).map(|n| format!("{{\"id\":\"{n}\",\"prompt\":\"Is {n} even?\",\"answer\":{answer}}}\n")).collect()
    };
    // A grader that passes silence.
    check(&rows("\".*\""), "tasks/regex").failure(1, &["numbers of sums would be wrong", "suite.toml"]);
    // Answers that the grader cannot read.
    check(&rows("\"many\""), "tasks/numeric").failure(1, &["would be wrong"]);
    check(&rows("\"(\""), "tasks/regex").failure(1, &["would be wrong"]);
    // One reply passes everything; the question holds the answer; too few tasks to prove anything.
    let ran = check(&rows("\"even\""), "tasks/contains").success();
    for warning in ["\"even\" to everything passes 100 %", "the question said back passes 12 tasks", "too few tasks"] {
        assert!(ran.out.contains(warning), "{warning}: {}", ran.out);
    }
    // The same question in two groups.
    let twins = format!("{}{{\"id\":\"x\",\"prompt\":\"is 3  even?\",\"answer\":\"no\"}}\n", rows("\"no\""));
    assert!(check(&twins, "tasks/exact").success().out.contains("give them one `group`"));
    // Bad rows, all named.
    let bad = format!("{}{{\"id\":\"3\",\"prompt\":\"again\"}}\nnonsense\n", rows("1"));
    check(&bad, "tasks/exact").failure(2, &["line 13: task \"3\" is already in line 4", "line 14"]);
}

#[test]
fn a_check_plays_answers_as_others_write_them() {
    let check = |answers: &[&str], grader: &str, splits: &str| {
        let workspace = made(12, &[]);
        let row = |(n, answer): (usize, &&str)| {
            format!("{}\n", json!({"id": n.to_string(), "prompt": format!("What is {n}?"), "answer": answer}))
        };
        workspace.put("sums/tasks.jsonl", answers.iter().enumerate().map(row).collect::<String>());
        let suite = workspace.read("sums/suite.toml").replace("tasks/exact", grader);
        workspace.put("sums/suite.toml", suite.replace("explore = 30\ngate = 45\nsealed = 25\n", splits));
        workspace.run(&["suite", "check", "sums", "--quiet"]).success().out
    };
    let split = "explore = 30\ngate = 45\nsealed = 25\n";
    for (answers, grader) in [
        (&["-5", "café", "New York", "it's so", "東京"][..], "tasks/exact"),
        (&["-5", "café", "New York", "it's so", "กรุงเทพ"], "tasks/contains"),
        (&["-5", "42", "3.5"], "tasks/numeric"),
    ] {
        let said = check(answers, grader, split);
        assert!(!said.contains("known answers fail"), "{grader}: {said}");
    }
    // A pattern says itself what it takes.
    let said = check(&["cafe\u{301}", "New York"], "tasks/regex", split);
    assert!(!said.contains("1 of 1 known answers fail with decomposed"), "{said}");
    let said = check(&["New York"], "tasks/regex", "explore = 1\ngate = 0\nsealed = 0\n");
    assert!(said.contains("groups: 1 to explore, 0 to judge on, 0 sealed"), "{said}");
}

#[test]
fn a_suite_reads_files_beneath_its_folder_and_no_others() {
    let workspace = made(12, &[]);
    let whole = workspace.read("sums/suite.toml");
    workspace.put("outside.jsonl", workspace.read("sums/tasks.jsonl"));
    for (old, new, says) in [
        ("tasks = \"tasks.jsonl\"", "tasks = \"/dev/zero\"", "not beneath the suite's folder"),
        ("tasks = \"tasks.jsonl\"", "tasks = \"../outside.jsonl\"", "not beneath the suite's folder"),
        ("name = \"sums\"", "name = \"../../sums\"", "cannot be a part of a file's name"),
    ] {
        assert!(whole.contains(old), "{old}");
        workspace.put("sums/suite.toml", whole.replace(old, new));
        workspace.run(&["suite", "check", "sums"]).failure(2, &[says]);
    }
}

#[test]
fn the_suites_that_come_along_are_sound() {
    let workspace = Workspace::with(&["household"]);
    for (suite, idle) in [("everyday", 0), ("functions", 5), ("menus", 0), ("household", 0)] {
        let check = workspace.json(&["suite", "check", suite, "--quiet"]);
        assert_eq!(check["broken"], false, "{suite}: {check}");
        assert_eq!(check["audit"]["idle"].as_array().unwrap().len(), idle, "{suite}");
    }
}

/// How far from chance a rule without a model may be on `everyday`, in points: a blind choice of so many tasks strays by two of its
/// standard errors, which are 2.
const RULES_WITHIN: f64 = 5.0;

#[test]
fn no_rule_without_a_model_has_anything_to_offer_on_everyday() {
    let workspace = Workspace::new();
    for seed in ["1", "2", "3"] {
        let check = workspace.json(&["suite", "check", "everyday", "--seed", seed, "--quiet"]);
        assert_eq!(check["warnings"], json!([]), "{check}");
        let rules = check["audit"]["rules"].as_array().unwrap();
        let names: Vec<&str> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
        assert_eq!(names, ["random", "place", "longest", "shortest", "overlap", "words", "neighbour"]);
        for rule in rules {
            let of = |key: &str| rule[key].as_f64().unwrap();
            let points = 100.0 * (of("passed") - of("chance")) / of("tasks");
            assert!(points.abs() < RULES_WITHIN, "seed {seed}: {points:+.1} points: {rule}");
        }
    }
    let groups = workspace.json(&["suite", "stats", "everyday", "--quiet"])["groups"].as_u64().unwrap();
    assert!(groups >= 600, "{groups}");
}

#[test]
fn options_are_played_marked_and_watched() {
    let workspace = Workspace::with(&["choice"]);
    let row = |number: usize, right: &str, wrong: &str| json!({"id": number.to_string(), "prompt": format!("Question {number}?"), "options": [right, wrong], "answer": right});
    let rows = |wrong: &str| -> String {
        (0..200).map(|number| format!("{}\n", row(number, &format!("a long answer {number}"), wrong))).collect()
    };
    workspace.put("own/suite.toml", SUITE_OF_CHOICES);
    workspace.put(
        "own/harness.toml",
        "action = \"reply\"\n[[processor]]\nuse = \"choice/rule\"\nconfig.pick = \"longest\"\n",
    );
    workspace.put("own/tasks.jsonl", rows("no"));
    let check = workspace.run(&["suite", "check", "own"]).success();
    for said in [
        "rules without a model, beside chance (%):",
        "longest    100.0   50.0",
        "warning: a rule without a model passes 100.0 %",
    ] {
        assert!(check.out.contains(said), "{said}: {}", check.out);
    }
    let bench = workspace.json(&[
        "bench",
        "own",
        "--model",
        "noop",
        "--harness",
        "own/harness.toml",
        "--split",
        "all",
        "--quiet",
    ]);
    assert_eq!(bench["success"], 1.0, "{bench}");
    for (wrong, says) in [("", "option 2 is empty"), ("A LONG answer 7.", "options 1 and 2 are the same")] {
        workspace.put("own/tasks.jsonl", rows(wrong));
        workspace.run(&["suite", "check", "own"]).failure(2, &["own/tasks.jsonl", "line ", says]);
    }
}

/// A suite whose rows have options.
const SUITE_OF_CHOICES: &str = r#"
name = "own"
tasks = "tasks.jsonl"

[grader]
use = "tasks/choice"

[splits]
explore = 30
gate = 40
sealed = 30

[harness]
initial = "harness.toml"
"#;

#[test]
fn what_cannot_be_a_suite_is_refused() {
    let workspace = made(12, &[]);
    workspace.put("odd.txt", "x");
    workspace.put("gaps.csv", "q,a\none,1\n,2\nthree,\n");
    workspace.put("ragged.csv", "q,a\none,1,2\n");
    workspace.put("twice.csv", "q,a\none,1\none,2\n");
    workspace.put("list.jsonl", "[1]\n");
    workspace.put("open.csv", "q,a\none,\"1\ntwo,2\n");
    let from = |file: &'static str| vec!["suite", "new", "other", "--prompt", "q", "--answer", "a", "--from", file];
    let cases: &[(Vec<&str>, &[&str])] = &[
        (vec!["suite", "new", "sums"], &["sums is there already"]),
        (vec!["suite", "new", "two words"], &["cannot be a suite's name"]),
        (vec!["suite", "new", "functions"], &["comes with the program"]),
        (from("nowhere.csv"), &["nowhere.csv"]),
        (from("odd.txt"), &["neither .csv, .tsv nor .jsonl"]),
        (from("sums.csv"), &["no column `q`", "its columns are number, question, sum, pair"]),
        (from("gaps.csv"), &["gaps.csv: line 3: `q` is empty; line 4: `a` is empty"]),
        (from("ragged.csv"), &["ragged.csv: line 2: 3 fields, the first line names 2"]),
        (from("open.csv"), &["open.csv: the quote that opens in line 2 is never closed"]),
        ([from("twice.csv"), vec!["--id", "q"]].concat(), &["line 3: task \"one\" is already in line 2"]),
        (from("list.jsonl"), &["line 1: no JSON object"]),
        (vec!["bench", "nowhere"], &["no suite `nowhere`", "suite.toml"]),
    ];
    for (arguments, says) in cases {
        workspace.run(arguments).failure(2, says);
    }
    let broken: &[(&str, &str, &str)] = &[
        ("tasks = \"tasks.jsonl\"", "tasks = \"other.jsonl\"", "other.jsonl"),
        ("initial = \"harness.toml\"", "", "names no harness `initial`"),
        ("initial = \"harness.toml\"", "initial = \"none.toml\"", "none.toml is not there"),
        ("about = \"\"", "about = \"\"\nenvironment = { use = \"menus/menus\" }", "both `tasks` and `environment`"),
        ("about = \"\"", "abuot = \"\"", "unknown field `abuot`"),
        ("use = \"tasks/exact\"", "use = \"tasks/exakt\"", "exakt"),
    ];
    workspace.put("whole/suite.toml", "name = \"whole\"\nparts = [\"half\", \".\"]\n[harness]\ninitial = \"h.toml\"\n");
    workspace.put("whole/half/suite.toml", "name = \"half\"\nparts = [\"menus\"]\n[harness]\ninitial = \"h.toml\"\n");
    for path in ["whole/h.toml", "whole/half/h.toml"] {
        workspace.put(path, "action = \"reply\"\n");
    }
    workspace.run(&["bench", "whole", "--model", "noop"]).failure(2, &["it is a part of itself"]);
    let whole = workspace.read("sums/suite.toml");
    for (old, new, says) in broken {
        assert!(whole.contains(old), "{old}");
        workspace.put("sums/suite.toml", whole.replace(old, new));
        workspace.run(&["bench", "sums", "--model", "noop"]).failure(2, &[says]);
    }
}

#[test]
fn what_was_solved_is_remembered_and_recalled_to_other_tasks() {
    let workspace = made(60, &["--grader", "numeric"]);
    workspace.run(&["memory", "build", "sums", "--out", "m"]).failure(2, &["nothing to remember", "--split explore"]);
    let rows: String = (0..60)
        .map(|n| format!("{{\"id\":\"{n}\",\"prompt\":\"Say seven, please, take {n}.\",\"answer\":7}}\n"))
        .collect();
    workspace.put("sums/tasks.jsonl", rows);
    let harness = workspace.read("sums/harness.toml");
    let scripted = "\n[model.main]\nuse = \"std/scripted\"\nconfig = { replies = [\"It is 7.\"], after = \"last\" }\n";
    workspace.put("h.toml", format!("{harness}{scripted}"));
    workspace.run(&["bench", "sums", "--harness", "h.toml", "--split", "explore", "--quiet"]).success();
    let built = workspace.json(&["memory", "build", "sums", "--out", "m"]);
    assert_eq!(built["tasks"], 18);
    let recall = format!(
        "\n[[processor]]\nuse = \"memory/recall\"\nconfig = {{ file = \"m\", sha256 = {}, count = 2 }}\n",
        built["sha256"]
    );
    workspace.put("h.toml", format!("{harness}{recall}{scripted}"));
    let run = workspace.json(&["run", "h.toml", "--prompt", "Say eight, please."]);
    let shown = workspace.run(&["trace", "show", run["episode"].as_str().unwrap()]).success().out;
    assert!(shown.contains("You did: It is 7."), "{shown}");
    // What is noted on explore tasks is shown at others.
    let note = r#"{ calls = [ { name = "note", arguments = { note = "Sums are small here." } } ] }"#;
    let noting = format!(
        "\n[[tool]]\nuse = \"memory/note\"\n[model.main]\nuse = \"std/scripted\"\nconfig = {{ replies = [{note}, \"It is 8.\"] }}\n"
    );
    workspace.put("n.toml", format!("{harness}{noting}"));
    workspace.run(&["bench", "sums", "--harness", "n.toml", "--split", "explore", "--quiet"]).success();
    let built = workspace.json(&["memory", "build", "sums", "--out", "n"]);
    assert_eq!((&built["tasks"], &built["notes"]), (&18.into(), &1.into()));
    let notebook = "\n[[processor]]\nuse = \"memory/notebook\"\nconfig = { file = \"n\" }\n";
    workspace.put("n.toml", format!("{harness}{notebook}{scripted}"));
    let run = workspace.json(&["run", "n.toml", "--prompt", "Say eight, please."]);
    let shown = workspace.run(&["trace", "show", run["episode"].as_str().unwrap()]).success().out;
    assert!(shown.contains("- Sums are small here."), "{shown}");
    // Another file under the same name is not played with.
    workspace.put("m", "x");
    workspace.run(&["run", "h.toml", "--prompt", "Say eight, please."]).failure(1, &["was made for"]);
}
