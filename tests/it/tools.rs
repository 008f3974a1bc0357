//! Tools through the command line: a model that calls them, and what the record says of it.

use serde_json::{Value, json};

use crate::support::{Workspace, ran, sandbox_is_missing};

/// A harness whose model makes these calls, one a step.
pub fn harness(tools: &str, calls: &[(&str, Value)]) -> String {
    let replies: Vec<Value> = calls
        .iter()
        .map(|(name, arguments)| json!({"text": "", "calls": [{"name": name, "arguments": arguments}]}))
        .chain([json!({"text": "done"})])
        .collect();
    let config = toml::Value::try_from(json!({"replies": replies})).unwrap();
    format!("[model.main]\nuse = \"std/scripted\"\nconfig = {config}\n\n{tools}")
}

/// Runs the harness in the folder `box` and gives what each call came to, and whether it was an error.
pub fn results(workspace: &Workspace, harness: &str) -> Vec<(String, bool)> {
    workspace.put("tools.toml", harness);
    workspace.put("box/.keep", "");
    let arguments = ["run", "tools.toml", "--prompt", "Do it.", "--workspace", "box", "--json"];
    // Whatever the model does, this stays with the harness.
    let ran = ran(workspace.command(&arguments).env("THE_SECRET", SECRET)).success();
    let ran: Value = serde_json::from_str(&ran.out).unwrap();
    let shown = workspace.json(&["trace", "show", ran["episode"].as_str().unwrap()]);
    let entries = shown["entries"].as_array().unwrap().iter().map(|entry| &entry["entry"]);
    let messages = entries.filter(|entry| entry["type"] == "message" && entry["message"]["role"] == "tool");
    let result = |entry: &Value| {
        let part = &entry["message"]["parts"][0];
        (part["text"].as_str().unwrap_or_default().to_owned(), part["is_error"] == true)
    };
    messages.map(result).collect()
}

const SECRET: &str = "t0p-s3cret-value";

const ALL: &str = "
[[tool]]
use = \"tools/bash\"
[[tool]]
use = \"tools/read\"
[[tool]]
use = \"tools/write\"
[[tool]]
use = \"tools/edit\"
[[tool]]
use = \"tools/glob\"
[[tool]]
use = \"tools/grep\"
[[tool]]
use = \"tools/todo\"
";

#[test]
fn an_agent_works_in_its_workspace_and_nowhere_else() {
    let workspace = Workspace::new();
    workspace.put("secret.txt", "s3cret");
    let harness = harness(
        ALL,
        &[
            ("write", json!({"path": "src/a.py", "content": "print(1)\n"})),
            ("edit", json!({"path": "src/a.py", "old_string": "1", "new_string": "2"})),
            ("glob", json!({"pattern": "*.py"})),
            ("grep", json!({"pattern": "print"})),
            ("read", json!({"path": "src/a.py"})),
            ("bash", json!({"command": "cat src/a.py; echo out > out.txt; cat ../secret.txt"})),
            ("read", json!({"path": "../secret.txt"})),
            ("todo", json!({"todos": [{"content": "rest", "status": "pending"}]})),
        ],
    );
    let results = results(&workspace, &harness);
    let expected = [
        ("wrote src/a.py: 1 line, 9 bytes", false),
        ("replaced 1 occurrence in src/a.py, line 1", false),
        ("src/a.py\n", false),
        ("src/a.py:1:print(2)\n", false),
        ("     1\tprint(2)\n", false),
        ("print(2)\n", true),
        ("is outside the workspace", true),
        ("0 of 1 done\n[ ] rest\n", false),
    ];
    assert_eq!(results.len(), expected.len(), "{results:#?}");
    for ((text, is_error), (part, error)) in results.iter().zip(expected) {
        assert!(text.contains(part) && *is_error == error && !text.contains("s3cret"), "{part}: {text}");
    }
    assert_eq!(workspace.read("box/out.txt"), "out\n");
}

#[test]
fn what_confines_is_said_and_recorded() {
    let workspace = Workspace::new();
    workspace.put("box/.keep", "");
    for asked in ["auto", "bubblewrap", "landlock", "none"] {
        let tools = format!("[[tool]]\nuse = \"tools/bash\"\nconfig.sandbox = \"{asked}\"\n");
        workspace.put("tools.toml", harness(&tools, &[("bash", json!({"command": "echo hello"}))]));
        let arguments = ["run", "tools.toml", "--prompt", "x", "--workspace", "box"];
        let ran = workspace.run(&arguments);
        if ran.code != Some(0) {
            assert!(ran.err.contains("does not work here") || ran.err.contains("no sandbox works here"), "{}", ran.err);
            sandbox_is_missing(ran.err.lines().next().unwrap_or_default());
            continue;
        }
        let first = ran.err.lines().next().unwrap_or_default();
        assert!(first.starts_with("bash runs commands in ") && first.contains("; sandbox: "), "{first}");
        assert!(asked == "auto" || first.ends_with(asked), "{first}");
        let shown = workspace.json(&["run", "tools.toml", "--prompt", "x", "--workspace", "box"]);
        assert_eq!(shown["outcome"], "done", "{shown}");
    }
    let ran = workspace.run(&["run", "tools.toml", "--prompt", "x", "--workspace", "nowhere"]);
    ran.failure(2, &["workspace nowhere", "No such file"]);
}
