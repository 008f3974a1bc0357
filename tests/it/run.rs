//! One task from the command line, and what the record says of it.

use std::io::Write;

use serde_json::Value;

use crate::support::{Workspace, ran};

const HARNESS: &str = r#"
[model.main]
use = "std/scripted"
config.replies = [ { text = "I throw.", calls = [ { name = "dice", arguments = { sides = 6 } } ] }, "It fell." ]

[[processor]]
use = "hello/greeter"

[[tool]]
use = "hello/dice"
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", HARNESS);
    workspace
}

#[test]
fn a_task_runs_and_its_trace_tells_it() {
    let workspace = workspace();
    let ran = workspace.run(&["run", "my.toml", "--prompt", "Throw a die."]).success();
    assert_eq!(ran.out, "It fell.\n");
    assert!(ran.err.starts_with("simulated model: done after 2 steps"), "{}", ran.err);
    let list = workspace.json(&["trace", "list"]);
    let id = list["episodes"][0]["start"]["episode"].as_str().unwrap();
    let shown = workspace.run(&["trace", "show", &id[..id.len() - 1]]).success().out;
    for part in [
        "Throw a die.",
        "decided  greeter at task_start: set_system",
        "Be kind.",
        "model    main: tool_calls",
        "→ dice {\"sides\":6}",
        "tool     dice",
        "tool result",
        "It fell.",
        "simulated",
        "── done",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let full = workspace.json(&["trace", "show", id]);
    let kinds: Vec<&str> =
        full["entries"].as_array().unwrap().iter().map(|e| e["entry"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "decided", "system", "chat", "message", "tool", "message", "chat", "message"]);
}

#[test]
fn an_identical_call_is_not_paid_again() {
    let workspace = workspace();
    let arguments = ["run", "my.toml", "--prompt", "Throw a die."];
    let (first, second) = (workspace.json(&arguments), workspace.json(&arguments));
    assert_eq!(first["answer"], second["answer"]);
    assert_ne!(first["episode"], second["episode"]);
    let lines = workspace.run(&[
        "trace",
        "export",
        "--run",
        second["run"].as_str().unwrap_or(second["episode"].as_str().unwrap()),
    ]);
    let chats: Vec<Value> = lines
        .success()
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["entry"]["type"] == "chat")
        .collect();
    assert_eq!(chats.len(), 2);
    assert!(chats.iter().all(|chat| chat["entry"]["replayed"] == true), "{chats:?}");
}

#[test]
fn the_task_may_come_on_standard_input() {
    let workspace = workspace();
    let mut command = workspace.command(&["run", "my.toml", "--json", "--model", "first"]);
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"Throw a die.\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["simulated"], true);
}

#[test]
fn a_task_that_ends_early_fails_and_is_recorded() {
    let workspace = workspace();
    workspace.run(&["edit", "my.toml", "--set", "budget.steps=1"]).success();
    workspace
        .run(&["run", "my.toml", "--prompt", "x"])
        .failure(1, &["ended early (budget)", "harness trace show run-"]);
    assert_eq!(workspace.json(&["trace", "list"])["episodes"][0]["outcome"], "budget");
}

#[test]
fn a_record_that_is_something_else_is_left_alone() {
    let workspace = workspace();
    workspace.put(".harness/record.sqlite", "this is no database, and it is longer than a header would be at least");
    let ran = workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(1, &["record"]);
    assert!(ran.err.contains("record.sqlite"), "{}", ran.err);
    assert!(workspace.read(".harness/record.sqlite").starts_with("this is no database"));
    std::fs::remove_file(workspace.path(".harness/record.sqlite")).unwrap();
    workspace.run(&["trace", "list"]).failure(2, &["there is no record", "harness run"]);
    workspace.run(&["run", "my.toml", "--prompt", "x"]).success();
    workspace.run(&["trace", "show", "zzz"]).failure(2, &["no episode \"zzz\"", "harness trace list"]);
}

#[test]
fn a_disk_that_is_full_loses_nothing() {
    if !std::path::Path::new("/dev/full").exists() {
        return eprintln!("skipped: this system has no /dev/full");
    }
    let workspace = workspace();
    // Standard output on a full device; a full disk under the record needs a mount, which a test may not make.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = workspace.command(&["plugin", "list"]);
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let workspace = workspace();
    for _ in 0..40 {
        workspace.run(&["run", "my.toml", "--prompt", "x"]).success();
    }
    let mut shell = std::process::Command::new("sh");
    let pipe = format!("'{}' trace export | head -c 10; '{0}' trace list | head -c 10", env!("CARGO_BIN_EXE_harness"));
    let ran = ran(shell.args(["-c", &pipe]).current_dir(workspace.path(".")));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}
