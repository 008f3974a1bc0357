//! Harnesses in harnesses through the command line: a sub-agent works in the same folder with tools of its own, is on record as a part of the
//! whole, and goes along when the whole is bundled.

use serde_json::{Value, json};

use crate::{
    support::{Workspace, names},
    tools::harness,
};

fn reads(replies: &Value) -> Value {
    json!({
        "model": {"main": {"use": "std/scripted", "config": {"replies": replies}}},
        "tool": [{"use": "tools/read"}],
    })
}

/// The tool, with this harness.
fn agent(inner: &Value) -> String {
    let inner = toml::Value::try_from(inner).unwrap();
    format!("[[tool]]\nuse = \"tools/agent\"\nconfig.name = \"reader\"\nconfig.harness = {inner}\n")
}

fn call(name: &str, arguments: Value) -> Value {
    json!({"text": "", "calls": [{"name": name, "arguments": arguments}]})
}

const PROMPT: &str = "What does note.txt say?";

fn asked() -> [(&'static str, Value); 1] {
    [("reader", json!({"prompt": PROMPT}))]
}

#[test]
fn a_sub_agent_works_in_the_same_folder_and_is_on_record() {
    let workspace = Workspace::new();
    workspace.put("box/note.txt", "the key is under the mat");
    let inner = reads(
        &json!([call("read", json!({"path": "note.txt"})), call("write", json!({"path": "x"})), {"text": "It is under the mat."}]),
    );
    let tools = agent(&inner) + "[[tool]]\nuse = \"tools/write\"\n";
    workspace.put("h.toml", harness(&tools, &asked()));
    let run = workspace.json(&["run", "h.toml", "--prompt", "x", "--workspace", "box"]);
    let id = run["episode"].as_str().unwrap();
    let shown = workspace.json(&["trace", "show", id]);
    let sub = &shown["sub_agents"][0];
    assert_eq!(sub["start"]["parent"], id);
    assert_eq!((&sub["start"]["task"], &sub["outcome"]), (&json!(PROMPT), &json!("done")));
    let of = |shown: &Value| -> Vec<String> {
        let entries = shown["entries"].as_array().unwrap().iter().map(|entry| &entry["entry"]["message"]);
        let results = entries.filter(|message| message["role"] == "tool");
        results.map(|message| message["parts"][0]["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&shown), ["It is under the mat."]);
    // The whole has a tool that writes; the part does not.
    let inside = workspace.json(&["trace", "show", sub["start"]["episode"].as_str().unwrap()]);
    assert_eq!(of(&inside), ["     1\tthe key is under the mat\n", "There is no tool `write`. The tools are: read."]);
    let text = workspace.run(&["trace", "show", id]).success().out;
    assert!(text.contains(&format!("sub-agent {id}.1  {PROMPT}  done, 3 steps")), "{text}");
    // The beginning of the whole's id names the whole.
    let begin = &id[..id.len() - 2];
    assert_eq!(workspace.json(&["trace", "show", begin])["episode"]["start"]["episode"], id);
    workspace.run(&["run", "h.toml", "--resume", &format!("{id}.1")]).failure(2, &["has ended"]);
    let listed = workspace.json(&["trace", "list"]);
    assert_eq!(listed["total"], 2);
}

#[test]
fn who_approves_of_the_whole_approves_of_its_parts() {
    let workspace = Workspace::new();
    workspace.put("box/note.txt", "hidden");
    let approval = "[[processor]]\nuse = \"tools/approval\"\nconfig.policy = \"always\"\n";
    let result = |outer: &str, inner: &Value, approver: &str| {
        workspace.put("h.toml", harness(&format!("{approver}\n{outer}{}", agent(inner)), &asked()));
        let run = workspace.json(&["run", "h.toml", "--prompt", "x", "--workspace", "box"]);
        let shown = workspace.json(&["trace", "show", run["episode"].as_str().unwrap()]);
        (shown["entries"].to_string(), shown["sub_agents"].as_array().unwrap().len())
    };
    let plain = reads(&json!([{"text": "nothing"}]));
    // The call itself.
    let (entries, subs) = result(approval, &plain, "");
    assert!(entries.contains("was not approved") && subs == 0, "{entries}");
    // What the sub-agent calls, by its own harness, which asks whom the outer one names.
    let mut careful = reads(&json!([call("read", json!({"path": "note.txt"})), {"text": "over"}]));
    careful["processor"] = json!([{"use": "tools/approval", "config": {"policy": "always"}}]);
    for (answer, expected) in [("yes", "hidden"), ("no", "was not approved: the answer was no")] {
        let approver = format!("[model.approval]\nuse = \"std/scripted\"\nconfig.replies = [\"{answer}\"]");
        let (_, subs) = result("", &careful, &approver);
        let found = workspace.json(&["trace", "search", expected]);
        assert!(subs == 1 && !found["hits"].as_array().unwrap().is_empty(), "{answer}: {found}");
    }
}

#[test]
fn what_lies_inside_is_bundle_too() {
    let workspace = Workspace::with(&["hello"]);
    let mut inner = reads(&json!([call("dice", json!({"sides": 6})), {"text": "thrown"}]));
    inner["tool"] = json!([{"use": "hello/dice"}]);
    workspace.put("h.toml", harness(&agent(&inner), &asked()));
    workspace.run(&["bundle", "h.toml", "--out", "bundled"]).success();
    assert!(names(&workspace.path("bundled/packs")).iter().any(|name| name.starts_with("hello-")));
    let run = workspace.json(&["run", "bundled", "--prompt", "x"]);
    assert_eq!(run["outcome"], "done", "{run}");

    inner["tool"] = json!([{"use": "hello/die"}]);
    workspace.put("h.toml", harness(&agent(&inner), &asked()));
    let wrong = workspace.run(&["run", "h.toml", "--prompt", "x"]);
    wrong.failure(2, &["tool `agent`, tool `die`", "did you mean `hello/dice`?"]);
}
