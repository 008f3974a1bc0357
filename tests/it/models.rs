//! Models that are not there, do not answer or are damaged; and Ctrl-C while one is silent. What was recorded stays.

use std::{
    io::Read,
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::Workspace;

/// A harness whose model is a server at this address; it gives up soon.
fn server(workspace: &Workspace, address: &str) {
    workspace.put(
        "my.toml",
        format!(
            "[model.main]\nuse = \"models/openai\"\n[model.main.config]\nmodel = \"small\"\napi_key_env = \"\"\n\
             base_url = \"http://{address}/v1\"\nretries = 0\n"
        ),
    );
}

fn outcome(workspace: &Workspace) -> serde_json::Value {
    workspace.json(&["trace", "list"])["episodes"][0]["outcome"].clone()
}

#[test]
fn a_server_that_is_down_is_not_the_harness_s_fault() {
    let workspace = Workspace::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    server(&workspace, &address.to_string());
    workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(1, &["infrastructure", &address.to_string()]);
    assert_eq!(outcome(&workspace), "infrastructure");
}

#[test]
fn a_server_that_talks_garbage_is_named() {
    let workspace = Workspace::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    server(&workspace, &listener.local_addr().unwrap().to_string());
    let talk = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let body = "<html>It works!</html>";
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n", body.len());
        std::io::Write::write_all(&mut stream, format!("{head}{body}").as_bytes()).unwrap();
    });
    workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(1, &["ended early"]);
    talk.join().unwrap();
}

#[test]
fn ctrl_c_ends_a_task_cleanly() {
    let workspace = Workspace::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    server(&workspace, &listener.local_addr().unwrap().to_string());
    let mut command = workspace.command(&["run", "my.toml", "--prompt", "x"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It waits for an answer now, and will not get one.
    let (_silent, _) = listener.accept().unwrap();
    let sent = Instant::now();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(sent.elapsed() < Duration::from_secs(10));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error: interrupted"));
    assert_eq!(outcome(&workspace), "cancelled");
}

#[test]
fn weights_that_are_no_weights_are_refused() {
    let workspace = Workspace::with(&["gguf"]);
    workspace.put("my.toml", "");
    // The header of a file of version 3 with one tensor, then nothing.
    let mut half = b"GGUF".to_vec();
    half.extend([3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    for (name, bytes) in [("empty", Vec::new()), ("text", b"not weights".to_vec()), ("half", half)] {
        let file = format!("{name}.gguf");
        workspace.put(&file, bytes);
        let ran = workspace.run(&["run", "my.toml", "--prompt", "x", "--model", &format!("gguf:{file}")]);
        ran.failure(2, &["gguf/gguf", &file]);
    }
    let ran = workspace.run(&["run", "my.toml", "--prompt", "x", "--model", "smollm2"]);
    ran.failure(2, &["smollm2-135m-instruct-q4_1.gguf", "harness model pull smollm2"]);
    assert!(!workspace.path(".harness/record.sqlite").exists());
}
