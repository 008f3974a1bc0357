//! How an evolution may end before it is done: told to stop, out of budget, its model server dead, the disk full. Each time
//! it says truly what is known, and the same command goes on from there.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use harness_trace::{Filter, Store};
use serde_json::{Value, json};

use crate::support::{Workspace, ran};

const FUNCTIONS: &[&str] = &[
    "evolve",
    "functions",
    "--quiet",
    "--sealed",
    "5",
    "--out",
    "out",
    "--with",
    "rounds=1",
    "--with",
    "first_candidates=4",
    "--with",
    "explore_groups=6",
    "--with",
    "screen_tasks=4",
];

fn evolve(model: &'static str) -> Vec<&'static str> {
    [FUNCTIONS, &["--model", model]].concat()
}

fn report(workspace: &Workspace) -> Value {
    serde_json::from_str(&workspace.read("out/report.json")).unwrap()
}

/// Rollouts that counted and were played more than once.
fn paid_twice(workspace: &Workspace) -> usize {
    let store = Store::open(workspace.path(".harness/record.sqlite")).unwrap();
    let rows = store.episodes(&Filter { ended: true, ..Filter::default() }).unwrap();
    let counted = rows.iter().filter(|row| row.outcome.is_some_and(harness_trace::Outcome::counts));
    let mut keys: Vec<_> =
        counted.map(|row| (&row.start.run, &row.start.harness, &row.start.task, row.start.seed)).collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    all - keys.len()
}

#[test]
fn a_spent_budget_ends_in_a_report_and_stays_spent() {
    let workspace = Workspace::with(&["routers", "generic"]);
    let arguments = [evolve("random"), vec!["--rollouts", "9"]].concat();
    workspace.run(&arguments).success();
    let first = report(&workspace);
    assert_eq!(first["ended"], "rollouts");
    assert!(first["cost"]["evolution"]["rollouts"].as_u64().unwrap() <= 9 * 2, "two runs, one without own packs");
    assert!(first["ships"].as_array().unwrap().is_empty());
    assert!(workspace.read("out/report.html").contains("the budget of rollouts ended"));
    // The same command finds all of it in the record and says the same.
    workspace.run(&arguments).success();
    let again = report(&workspace);
    assert_eq!(
        (&again["ended"], &again["rows"], &again["rejected"]),
        (&first["ended"], &first["rows"], &first["rejected"])
    );
    assert_eq!(paid_twice(&workspace), 0);
    // A wider budget is another run.
    workspace.run(&[evolve("random"), vec!["--rollouts", "5000"]].concat()).success();
    assert_ne!(report(&workspace)["ended"], "rollouts");
}

#[test]
fn ctrl_c_ends_in_a_report_and_the_same_command_goes_on() {
    // Silent, the server holds the run at its first call: the moment is sure.
    let workspace = Workspace::with(&["routers"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = served(&workspace, &address);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (_silent, _) = listener.accept().unwrap();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: the same command continues"));
    let stopped = report(&workspace);
    assert_eq!(stopped["ended"], "interrupted");
    assert!(stopped["contrasts"].as_array().unwrap().is_empty(), "nothing is claimed of what was not measured");
    serve(listener, usize::MAX);
    ran(&mut served(&workspace, &address)).success();
    assert_ne!(report(&workspace)["ended"], "interrupted");
    assert_eq!(paid_twice(&workspace), 0);
}

#[test]
fn a_model_server_that_dies_stops_the_run_and_a_new_one_lets_it_go_on() {
    let workspace = Workspace::with(&["routers"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let calls = serve(listener, 3);
    let failed = ran(&mut served(&workspace, &address));
    let failed = failed.failure(1, &["could not be reached any more", "hint: the same command continues"]);
    assert!(calls.load(Ordering::SeqCst) >= 3, "{}", failed.err);
    let lost = report(&workspace);
    assert_eq!(lost["ended"], "lost");
    assert!(lost["contrasts"].as_array().unwrap().is_empty() && lost["ships"].as_array().unwrap().is_empty());
    serve(TcpListener::bind(&*address).unwrap(), usize::MAX);
    ran(&mut served(&workspace, &address)).success();
    let whole = report(&workspace);
    assert_ne!(whole["ended"], "lost");
    assert!(whole["rows"][0]["cells"]["sealed"]["success"]["tasks"].as_u64().unwrap() > 0);
    assert_eq!(paid_twice(&workspace), 0);
}

#[test]
fn a_bench_keeps_nothing_of_a_broken_server_and_says_what_it_could_not_measure() {
    let workspace = Workspace::with(&["routers"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let bench = |workspace: &Workspace| {
        let mut command =
            workspace.command(&["bench", "functions", "--limit", "6", "--model", "openai:stub", "--json", "--quiet"]);
        command.env("OPENAI_BASE_URL", format!("http://{address}/v1")).env("OPENAI_API_KEY", "none");
        ran(&mut command)
    };
    let read = |out: &str| -> Value { serde_json::from_str(out).unwrap() };
    serve(listener, 3);
    let cut = bench(&workspace).failure(1, &["episodes could not be measured", "plays them again"]);
    let first = read(&cut.out);
    assert_eq!(first["episodes"], 6);
    assert!(first["measured"].as_u64().unwrap() < 6, "{first}");
    assert_eq!(first["infrastructure"].as_u64().unwrap() + first["measured"].as_u64().unwrap(), 6);
    serve(TcpListener::bind(&*address).unwrap(), usize::MAX);
    let whole = read(&bench(&workspace).success().out);
    assert_eq!((&whole["run"], &whole["measured"], &whole["infrastructure"]), (&first["run"], &json!(6), &json!(0)));
    assert_eq!(whole["remembered"], first["measured"]);
    assert_eq!(paid_twice(&workspace), 0);
    // It is done: the same command is another run now.
    assert_ne!(read(&bench(&workspace).success().out)["run"], whole["run"]);
}

#[test]
fn a_full_disk_is_said_and_the_run_goes_on_when_there_is_room() {
    let workspace = Workspace::new();
    // No file may grow beyond 120 KiB, and writing more is an error instead of a signal: as good as a full disk.
    let program = env!("CARGO_BIN_EXE_harness");
    let line = format!("trap '' XFSZ; ulimit -f 120; exec {program} {}", evolve("random").join(" "));
    let mut full = Command::new("bash");
    full.args(["-c", &line]).current_dir(workspace.path(".")).stdin(Stdio::null());
    for (name, folder) in [("HOME", "home"), ("XDG_CACHE_HOME", "cache"), ("XDG_DATA_HOME", "data")] {
        full.env(name, workspace.path(folder));
    }
    let failed = ran(&mut full);
    assert_eq!(failed.code, Some(1), "{}{}", failed.out, failed.err);
    assert!(failed.err.contains("the same command continues"), "{}", failed.err);
    assert!(!workspace.path("out/report.json").exists(), "no report is better than half of one");
    workspace.run(&evolve("random")).success();
    let twin = Workspace::new();
    twin.run(&evolve("random")).success();
    assert_eq!(report(&workspace)["rows"], report(&twin)["rows"]);
    assert_eq!(paid_twice(&workspace), 0);
}

/// The evolution with a model behind this address.
fn served(workspace: &Workspace, address: &str) -> Command {
    let mut command = workspace.command(&[evolve("openai:small"), vec!["--with", "attempts=1"]].concat());
    command.env("OPENAI_BASE_URL", format!("http://{address}/v1")).env("OPENAI_API_KEY", "none");
    command
}

/// A model server that calls the first tool it is offered. After `most` calls it is gone, with its port.
fn serve(listener: TcpListener, most: usize) -> Arc<AtomicUsize> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    std::thread::spawn(move || {
        while counted.load(Ordering::SeqCst) < most {
            let Ok((stream, _)) = listener.accept() else { return };
            if answer(stream).is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    calls
}

fn answer(mut stream: TcpStream) -> Option<()> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    let body = loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .and_then(|value| value.trim().parse::<usize>().ok())
        });
        if body.len() >= length? {
            break serde_json::from_str::<Value>(body).ok()?;
        }
    };
    let name = body["tools"][0]["function"]["name"].as_str().unwrap_or("none");
    let call = json!([{"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}}]);
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12});
    let (kind, text) = if body["stream"] == true {
        let piece = json!({"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": call}, "finish_reason": "tool_calls"}]});
        let last = json!({"id": "x", "choices": [], "usage": usage});
        ("text/event-stream", format!("data: {piece}\n\ndata: {last}\n\ndata: [DONE]\n\n"))
    } else {
        let message = json!({"role": "assistant", "content": null, "tool_calls": call});
        let whole = json!({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage});
        ("application/json", whole.to_string())
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(format!("{head}{text}").as_bytes()).ok()
}
