//! Models that are not there, do not answer or are damaged; and Ctrl-C while one is silent. What was recorded stays.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Workspace, ran};

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

fn outcome(workspace: &Workspace) -> Value {
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
fn a_server_that_sends_garbage_is_named() {
    let workspace = Workspace::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    server(&workspace, &listener.local_addr().unwrap().to_string());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let body = "<html>It works!</html>";
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n", body.len());
        Write::write_all(&mut stream, format!("{head}{body}").as_bytes()).unwrap();
    });
    workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(1, &["ended early"]);
    server.join().unwrap();
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

/// A server that answers one request with this body; gives its address, and the request's head when it was asked.
fn answering(body: Value) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut asked, mut piece) = (Vec::new(), [0; 4096]);
        // A request's body is one JSON object: it has come when its last brace has.
        while !asked.ends_with(b"}") {
            let read = stream.read(&mut piece).unwrap();
            asked.extend_from_slice(&piece[..read]);
        }
        let body = body.to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (address, served)
}

fn completion() -> Value {
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100});
    json!({"choices": [{"message": {"content": "A plum."}, "finish_reason": "stop"}], "usage": usage})
}

#[test]
fn fallbacks_stand_in_for_a_server_that_is_down_and_all_is_paid() {
    let workspace = Workspace::new();
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (up, served) = answering(completion());
    let model = |address: &str, name: &str| {
        format!("model = \"{name}\", api_key_env = \"\", base_url = \"{address}/v1\", retries = 0")
    };
    let harness = format!(
        "[model.main]\nuse = \"models/openai\"\nconfig = {{ {} }}\nfallback = [{{ use = \"models/openai\", config = {{ {} }} }}]\n",
        model(&format!("http://{down}"), "gpt-4o"),
        model(&up, "gpt-4o-mini"),
    );
    workspace.put("my.toml", &harness);
    let run = workspace.json(&["run", "my.toml", "--prompt", "x"]);
    served.join().unwrap();
    assert_eq!((&run["answer"], &run["outcome"], &run["unpriced"]), (&json!("A plum."), &json!("done"), &json!([])));
    // 1000 tokens at $0.15 and 100 at $0.60 for a million.
    assert_eq!(run["usage"]["cost_micros"], 210);
    let shown = workspace.run(&["trace", "show", run["episode"].as_str().unwrap()]).success().out;
    assert!(shown.contains("cannot be reached"), "the outage is in the record: {shown}");
    // The user's own list of prices goes first.
    let list = "[[source]]\n[source.model]\n\"gpt-4o-mini\" = { input = 1, output = 1 }\n";
    workspace.put("home/.config/harness/prices.toml", list);
    let (up, served) = answering(completion());
    workspace.put(
        "other.toml",
        format!("[model.main]\nuse = \"models/openai\"\nconfig = {{ {} }}\n", model(&up, "gpt-4o-mini")),
    );
    assert_eq!(workspace.json(&["run", "other.toml", "--prompt", "y"])["usage"]["cost_micros"], 1100);
    served.join().unwrap();
    workspace.put("home/.config/harness/prices.toml", "oops");
    workspace.run(&["run", "other.toml", "--prompt", "z"]).failure(2, &["prices.toml", "docs/models.md"]);
}

#[test]
fn a_model_without_a_price_is_named_and_no_budget_of_money_holds_it() {
    let workspace = Workspace::new();
    workspace.put("my.toml", "");
    let reply = json!({"content": [{"type": "text", "text": "A plum."}], "stop_reason": "end_turn", "usage": {"input_tokens": 9}});
    let (address, served) = answering(reply);
    let arguments = ["run", "my.toml", "--prompt", "x", "--model", "anthropic:small-one"];
    let mut command = workspace.command(&arguments);
    command.env("ANTHROPIC_BASE_URL", address).env("ANTHROPIC_API_KEY", "sesame");
    let run = ran(&mut command).success();
    assert_eq!(run.out.trim(), "A plum.");
    assert!(run.err.contains("cost unknown (small-one in no list of prices)"), "{}", run.err);
    let head = served.join().unwrap();
    assert!(head.starts_with("POST /v1/messages") && head.contains("x-api-key: sesame"), "{head}");
    workspace.run(&arguments).failure(2, &["ANTHROPIC_API_KEY"]);
    workspace.put("my.toml", "[budget]\ncost = 1000\n");
    let mut command = workspace.command(&arguments);
    command.env("ANTHROPIC_API_KEY", "sesame");
    ran(&mut command).failure(2, &["small-one", "input_price", "prices.toml"]);
}
