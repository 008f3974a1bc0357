//! Approvals: nothing that writes is called unless somebody said yes, and nobody there is a no.

use serde_json::json;

use crate::{
    support::Workspace,
    tools::{harness, results},
};

fn tools(policy: &str, approver: &str) -> String {
    format!(
        "{approver}\n[[processor]]\nuse = \"tools/approval\"\nconfig = {{ {policy} }}\n[[tool]]\nuse = \"tools/read\"\n[[tool]]\nuse = \"tools/write\"\n"
    )
}

/// What became of a `write` and a `read` of the same file.
fn both(policy: &str, approver: &str) -> (bool, bool) {
    let workspace = Workspace::new();
    workspace.put("box/old.txt", "old");
    let calls = [("write", json!({"path": "new.txt", "content": "new"})), ("read", json!({"path": "old.txt"}))];
    let results = results(&workspace, &harness(&tools(policy, approver), &calls));
    let [(wrote, _), (read, _)] = &*results else { panic!("{results:?}") };
    let (wrote, read) = (wrote.contains("wrote new.txt"), read.contains("1\told"));
    assert_eq!(wrote, workspace.path("box/new.txt").exists());
    (wrote, read)
}

fn says(answer: &str) -> String {
    format!("[model.approval]\nuse = \"std/scripted\"\nconfig.replies = [\"{answer}\"]")
}

#[test]
fn who_is_not_there_approves_nothing() {
    assert_eq!(both("policy = \"never\"", ""), (true, true));
    assert_eq!(both("policy = \"on-write\"", ""), (false, true));
    assert_eq!(both("policy = \"always\"", ""), (false, false));
    assert_eq!(both("policy = \"always\", allow = [\"wri*\"]", ""), (true, false));
}

#[test]
fn only_a_plain_yes_is_one() {
    assert_eq!(both("policy = \"on-write\"", &says("yes")), (true, true));
    assert_eq!(both("policy = \"always\"", &says("yes")), (true, true));
    for answer in ["no", "yes, if you must", "Yes!", ""] {
        assert_eq!(both("policy = \"on-write\"", &says(answer)), (false, true), "{answer}");
    }
}

#[test]
fn who_may_be_fetched_from_is_asked_about_where_it_is_anybody() {
    for (hosts, asked) in [("[\"docs.rs\"]", false), ("[\"*\"]", true)] {
        let workspace = Workspace::new();
        let tools = format!(
            "[[processor]]\nuse = \"tools/approval\"\nconfig.policy = \"on-write\"\n[[tool]]\nuse = \"tools/fetch\"\nconfig.hosts = {hosts}\n"
        );
        let results = results(&workspace, &harness(&tools, &[("fetch", json!({"url": "http://127.0.0.1/"}))]));
        let expected =
            if asked { "was not approved" } else { "127.0.0.1 may not be fetched from; allowed are: docs.rs" };
        assert!(results[0].1 && results[0].0.contains(expected), "{results:?}");
    }
}
