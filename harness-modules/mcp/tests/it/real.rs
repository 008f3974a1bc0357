//! Reference servers of other makers, where they are installed. Each test says so and ends where its program is not on the PATH.

use serde_json::json;

use crate::{call, server, specs};

/// Milliseconds an interpreter may take to start while all tests of a workspace run.
const SLOW: u64 = 120_000;

/// Whether a program is on the PATH.
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        eprintln!("skipped: {program} is not on the PATH");
    }
    found
}

#[test]
fn time_of_pypi() {
    if !installed("mcp-server-time") {
        return;
    }
    for revision in ["auto", "2025-11-25"] {
        let tool = server(
            "time",
            "",
            json!({"command": ["mcp-server-time", "--local-timezone", "UTC"], "revision": revision, "start_ms": SLOW}),
        );
        assert!(specs(&tool).iter().any(|spec| spec.name == "time__convert_time"));
        let arguments = r#"{"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}"#;
        let answer = call(&tool, "time__convert_time", arguments).expect("an answer");
        assert!(!answer.is_error && answer.text.contains("T21:00:00+09:00"), "{}", answer.text);
    }
}

#[test]
fn git_of_pypi() {
    if !installed("mcp-server-git") {
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tool = server("git", "", json!({"command": ["mcp-server-git"], "tools": ["git_log"], "start_ms": SLOW}));
    let arguments = json!({"repo_path": folder, "max_count": 1}).to_string();
    let answer = call(&tool, "git__git_log", &arguments).expect("an answer");
    assert!(answer.text.contains("Commit") || answer.is_error, "{}", answer.text);
}

#[test]
fn filesystem_of_npm() {
    if !installed("mcp-server-filesystem") {
        return;
    }
    let folder = std::fs::canonicalize(env!("CARGO_MANIFEST_DIR")).expect("a folder");
    let tool = server("files", "", json!({"command": ["mcp-server-filesystem", folder], "start_ms": SLOW}));
    let read = |path: &str| {
        let arguments = json!({"path": folder.join(path)}).to_string();
        call(&tool, "files__read_text_file", &arguments).expect("an answer")
    };
    assert!(read("Cargo.toml").text.contains("harness-mcp"));
    assert!(read("../Cargo.toml").is_error, "outside of what it may read");
}

#[test]
fn everything_of_npm() {
    if !installed("mcp-server-everything") {
        return;
    }
    let tool = server("everything", "", json!({"command": ["mcp-server-everything"], "start_ms": SLOW}));
    let answer = call(&tool, "everything__echo", r#"{"message": "hi"}"#).expect("an answer");
    assert!(answer.text.contains("hi"), "{}", answer.text);
}
