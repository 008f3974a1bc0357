//! Tasks done in a folder: rows with files and scripts, task folders as Harbor lays them out; and what is wrong with them.

use serde_json::json;

use crate::support::{Workspace, sandbox_is_missing};

const HARNESS: &str = "[[tool]]\nuse = \"tools/bash\"\n[[tool]]\nuse = \"tools/write\"\n";

fn suite(more: &str) -> String {
    format!(
        "name = \"chores\"\ntasks = \"tasks.jsonl\"\n[harness]\ninitial = \"harness.toml\"\n[workspace]\n{more}\n\
         [grader]\nuse = \"tasks/command\"\nconfig.seconds = 20\n[splits]\nexplore = 1\ngate = 1\nsealed = 1\n"
    )
}

fn rows(check: impl Fn(usize) -> String, solution: &str) -> String {
    let row = |n: usize| {
        json!({
            "id": n.to_string(), "prompt": format!("Write the sum of numbers.txt to sum.txt ({n})."),
            "files": {"in/numbers.txt": format!("{n}\n2\n")}, "check": check(n), "solution": solution,
        })
    };
    (1..=3).map(|n| format!("{}\n", row(n))).collect()
}

const SOLUTION: &str = "awk '{s += $1} END {print s}' in/numbers.txt > sum.txt";

fn made(tasks: &str, more: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.put("chores/harness.toml", HARNESS);
    workspace.put("chores/suite.toml", suite(more));
    workspace.put("chores/tasks.jsonl", tasks);
    workspace
}

/// Whether commands can be confined here at all.
fn confined() -> bool {
    let there = ["bubblewrap", "landlock"].into_iter().any(|sandbox| {
        let workspace = made(&rows(|_| "true".into(), ""), &format!("sandbox = \"{sandbox}\""));
        workspace.run(&["bench", "chores", "--model", "noop", "--limit", "1", "--quiet"]).code == Some(0)
    });
    if !there {
        sandbox_is_missing("nothing confines commands here");
    }
    there
}

#[test]
fn known_solutions_pass_and_doing_nothing_does_not() {
    if !confined() {
        return;
    }
    let tasks = rows(|n| format!("test \"$(cat sum.txt)\" = {}", n + 2), SOLUTION);
    let workspace = made(&tasks, "");
    let check = workspace.json(&["suite", "check", "chores", "--quiet"]);
    assert_eq!((&check["broken"], &check["audit"]["solved"]), (&json!(false), &json!(3)), "{check}");
    let bench = |model: &str| workspace.json(&["bench", "chores", "--model", model, "--split", "all", "--quiet"]);
    assert_eq!(bench("oracle")["success"], 1.0);
    assert_eq!(bench("noop")["success"], 0.0);
}

#[test]
fn a_reward_file_counts_more_than_an_exit_code() {
    if !confined() {
        return;
    }
    let tasks = rows(|_| "echo 0.5 > $REWARD_DIR/reward.txt; exit 3".into(), "true");
    let workspace = made(&tasks, "");
    let bench = workspace.json(&["bench", "chores", "--model", "oracle", "--split", "all", "--quiet"]);
    assert_eq!((&bench["success"], &bench["faults"]), (&json!(0.5), &json!(0)), "{bench}");
}

#[test]
fn the_place_of_the_reward_is_not_handed_to_programs() {
    if !confined() {
        return;
    }
    // The program that the check starts does not know where the reward goes.
    let programs = "bash -c '[ -z \"$REWARD_DIR\" ]' && R=0.5 || R=0; echo $R > $REWARD_DIR/reward.txt";
    let workspace = made(&rows(|_| programs.into(), "true"), "");
    let bench = workspace.json(&["bench", "chores", "--model", "oracle", "--split", "all", "--quiet"]);
    assert_eq!((&bench["success"], &bench["faults"]), (&json!(0.5), &json!(0)), "{bench}");
}

#[test]
fn a_grader_that_is_wrong_is_found_out() {
    if !confined() {
        return;
    }
    for (check, solution, says) in [
        ("true", SOLUTION, "an empty reply passes"),
        ("false", SOLUTION, "exit code 1"),
        ("sleep 60 & wait", SOLUTION, "ended at its deadline"),
        ("echo nonsense > $REWARD_DIR/reward.txt", SOLUTION, "is no number"),
    ] {
        let workspace = made(&rows(|_| check.into(), solution), "");
        let text = workspace.read("chores/suite.toml").replace("seconds = 20", "seconds = 1");
        workspace.put("chores/suite.toml", text);
        let checked = workspace.run(&["suite", "check", "chores", "--quiet"]);
        assert_eq!(checked.code, Some(1), "{check}: {}{}", checked.out, checked.err);
        assert!(checked.out.contains(says), "{check}: {}", checked.out);
    }
    made("{\"id\":\"a\",\"prompt\":\"p\",\"check\":\"true\",\"files\":{\"../x\":\"\"}}", "")
        .run(&["suite", "check", "chores"])
        .failure(2, &["line 1", "outside the workspace"]);
    made(&rows(|_| "true".into(), ""), "sandbox = \"strong\"")
        .run(&["suite", "check", "chores"])
        .failure(2, &["unknown variant `strong`"]);
}

/// Two task folders, one of which may ask for more than a folder.
fn harbor(dockerfile: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.put("chores/harness.toml", HARNESS);
    workspace.put("chores/suite.toml", suite("").replace("tasks.jsonl", "tasks").replace("[workspace]\n", ""));
    for name in ["greet", "greet-again", "greet-once-more"] {
        let put = |path: &str, text: &str| workspace.put(&format!("chores/tasks/{name}/{path}"), text);
        put(
            "task.toml",
            "version = \"1.0\"\n[metadata]\ncategory = \"files\"\n[verifier]\ntimeout_sec = 20.0\n[agent]\ntimeout_sec = 60.0\n",
        );
        put("instruction.md", "Write `Hello, world!` and the name in /app/name.txt to /app/greeting.txt.\n");
        put("environment/Dockerfile", dockerfile);
        put("environment/name.txt", "Ada\n");
        put("solution/solve.sh", "#!/bin/bash\necho \"Hello, world! $(cat /app/name.txt)\" > /app/greeting.txt\n");
        put(
            "tests/test.sh",
            "#!/bin/bash\nif diff /tests/expected.txt /app/greeting.txt; then echo 1 > /logs/verifier/reward.txt; else echo 0 > /logs/verifier/reward.txt; fi\n",
        );
        put("tests/expected.txt", "Hello, world! Ada\n");
    }
    workspace
}

#[test]
fn harbor_folders_are_read_as_they_are() {
    let workspace = harbor("FROM ubuntu:24.04\nWORKDIR /app\nCOPY name.txt ./\n");
    let checked = workspace.run(&["suite", "check", "chores", "--quiet", "--json"]);
    if checked.out.contains("needs bubblewrap") || checked.err.contains("needs bubblewrap") {
        return sandbox_is_missing("no bubblewrap is here, and the scripts name /app and /tests");
    }
    let check: serde_json::Value = serde_json::from_str(&checked.success().out).unwrap();
    assert_eq!((&check["broken"], &check["audit"]["solved"]), (&json!(false), &json!(3)), "{check}");
    assert_eq!(workspace.json(&["bench", "chores", "--model", "noop", "--split", "all", "--quiet"])["success"], 0.0);
    // Changed tests are another benchmark.
    // Runs of one benchmark are numbered.
    let benchmark = |workspace: &Workspace| {
        let run = workspace.json(&["bench", "chores", "--model", "oracle", "--quiet"])["run"].clone();
        run.as_str().unwrap().rsplit_once('-').unwrap().0.to_owned()
    };
    let before = benchmark(&workspace);
    assert_eq!(before, benchmark(&workspace));
    // Variables are this machine's, or what stands for them; a task that cannot have them is refused.
    let whole = workspace.read("chores/tasks/greet/task.toml");
    let env = "\n[verifier.env]\nHOME_KEY = \"${CARGO_PKG_NAME}\"\nMODE = \"${HARNESS_NOT_SET:-fast}\"\n[solution.env]\nNAME = \"${HARNESS_NOT_SET:-Ada}\"\n";
    workspace.put("chores/tasks/greet/task.toml", format!("{whole}{env}"));
    workspace
        .put("chores/tasks/greet/solution/solve.sh", "#!/bin/bash\necho \"Hello, world! $NAME\" > /app/greeting.txt\n");
    let tests = workspace.read("chores/tasks/greet/tests/test.sh");
    let asks = "#!/bin/bash\n[ \"$HOME_KEY $MODE\" = \"harness fast\" ] || exit 1\n";
    workspace.put("chores/tasks/greet/tests/test.sh", tests.replace("#!/bin/bash\n", asks));
    let check = workspace.json(&["suite", "check", "chores", "--quiet"]);
    assert_eq!((&check["broken"], &check["audit"]["solved"]), (&json!(false), &json!(3)), "{check}");
    workspace.put("chores/tasks/greet/task.toml", format!("{whole}\n[verifier.env]\nKEY = \"${{HARNESS_NOT_SET}}\"\n"));
    workspace
        .run(&["suite", "check", "chores", "--quiet"])
        .failure(2, &["greet: [verifier.env] KEY", "needs the environment variable HARNESS_NOT_SET"]);
    workspace.put("chores/tasks/greet/task.toml", whole);
    workspace.put("chores/tasks/greet/tests/test.sh", tests);
    workspace.put("chores/tasks/greet/tests/expected.txt", "Bye\n");
    assert_ne!(before, benchmark(&workspace));
}

#[test]
fn what_needs_a_container_is_refused_by_name_unless_told() {
    let workspace = harbor("FROM python:3.13-slim\nWORKDIR /app\nRUN pip install pytest\nCOPY name.txt ./\n");
    workspace.run(&["suite", "check", "chores"]).failure(
        2,
        &[
            "greet: it needs a container for `FROM python:3.13-slim`, `RUN pip install pytest`",
            "containers = \"ignore\"",
        ],
    );
    let text =
        workspace.read("chores/suite.toml").replace("[grader]", "[workspace]\ncontainers = \"ignore\"\n[grader]");
    workspace.put("chores/suite.toml", text);
    let checked = workspace.run(&["suite", "check", "chores", "--quiet"]);
    if !checked.out.contains("needs bubblewrap") {
        assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.err);
    }
    std::fs::remove_file(workspace.path("chores/tasks/greet/tests/test.sh")).unwrap();
    workspace.run(&["suite", "check", "chores"]).failure(2, &["greet: it has no tests/test.sh"]);
}
