//! What was recorded, listed, searched, compared and handed to other programs; and an interrupted task that goes on.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::Stdio,
};

use serde_json::{Value, json};

use crate::{
    serve::{LONG, Upstream},
    support::Workspace,
};

const HARNESS: &str = r#"
[model.main]
use = "std/scripted"
config.replies = [ { text = "I throw.", calls = [ { name = "dice", arguments = { sides = 6 } } ] }, "It fell." ]

[[processor]]
use = "hello/greeter"

[[tool]]
use = "hello/dice"
"#;

/// A workspace with two runs: the second throws a larger die.
fn workspace() -> (Workspace, String, String) {
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", HARNESS);
    workspace.put("other.toml", HARNESS.replace("sides = 6", "sides = 20"));
    let run = |file: &str, prompt: &str| {
        workspace.json(&["run", file, "--prompt", prompt])["episode"].as_str().unwrap().to_owned()
    };
    let (a, b) = (run("my.toml", "Throw a die."), run("other.toml", "Throw a 100% fair die."));
    (workspace, a, b)
}

#[test]
fn episodes_are_found_by_what_they_were_about_and_what_was_said() {
    let (workspace, a, b) = workspace();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let list = workspace.json(&[&["trace", "list"], arguments].concat());
        list["episodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["start"]["episode"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&["--about", "die"]), [a.as_str(), b.as_str()]);
    assert_eq!(ids(&["--about", "100% FAIR"]), [b.as_str()]);
    assert_eq!(ids(&["--about", "1_0"]), [""; 0]);
    assert_eq!(ids(&["--outcome", "done", "--run", &a]), [a.as_str()]);
    assert_eq!(ids(&["--outcome", "budget"]), [""; 0]);
    workspace.run(&["trace", "list", "--outcome", "good"]).code.filter(|code| *code == 2).unwrap();

    let hits = workspace.json(&["trace", "search", "\"SIDES\":20"]);
    let hits = hits["hits"].as_array().unwrap();
    assert!(hits.iter().all(|hit| hit["episode"] == b) && hits.len() == 2, "the message and the call: {hits:?}");
    let text = workspace.run(&["trace", "search", "GREETER", "--run", &a]).success().out;
    assert!(text.contains("step 0 decided: greeter"), "a processor's decision: {text}");
    assert!(workspace.run(&["trace", "search", "nowhere"]).success().out.ends_with("0 places\n"));
    workspace.run(&["trace", "search", " "]).failure(2, &["no words"]);
}

#[test]
fn two_episodes_are_shown_from_where_they_part() {
    let (workspace, a, b) = workspace();
    let text = workspace.run(&["trace", "diff", &a, &b]).success().out;
    for part in [
        "harness  - ",
        "task     - Throw a die.",
        "0 entries are alike; they part at step 0",
        "- ",
        "+ ",
        "\"sides\":20",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let again = workspace.json(&["run", "my.toml", "--prompt", "Throw a die."])["episode"].as_str().unwrap().to_owned();
    let same = workspace.run(&["trace", "diff", &a, &again]).success().out;
    assert!(same.ends_with("all 9 entries are alike\n"), "replayed or not: {same}");
    let other =
        workspace.json(&["run", "other.toml", "--prompt", "Throw a die."])["episode"].as_str().unwrap().to_owned();
    let diff = workspace.json(&["trace", "diff", &a, &other]);
    assert_eq!(
        (&diff["alike"], &diff["alike_at_end"], &diff["parts_at_step"]),
        (&json!(4), &json!(2), &json!(0)),
        "{diff}"
    );
    workspace.run(&["trace", "diff", &a, "zzz"]).failure(2, &["no episode \"zzz\""]);
}

#[test]
fn a_trajectory_is_what_its_format_says() {
    let (workspace, a, _) = workspace();
    let out = workspace.run(&["trace", "export", "atif", "--episode", &a]).success().out;
    let trajectory: Value = serde_json::from_str(&out).unwrap();
    let steps = trajectory["steps"].as_array().unwrap();
    let sources: Vec<&str> = steps.iter().map(|step| step["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["user", "system", "agent", "agent"]);
    assert_eq!(trajectory["schema_version"], "ATIF-v1.4");
    assert_eq!(trajectory["agent"]["model_name"], "scripted");
    assert_eq!(
        steps[2]["tool_calls"][0],
        json!({"tool_call_id": "c0", "function_name": "dice", "arguments": {"sides": 6}})
    );
    assert_eq!(steps[2]["observation"]["results"][0]["source_call_id"], "c0");
    assert_eq!(steps[2]["metrics"]["extra"]["finish_reason"], "tool_calls");
    assert_eq!(steps[1]["extra"]["decided"][0]["module"], "greeter", "decisions are kept: {}", steps[1]);
    assert_eq!((&steps[3]["message"], &trajectory["extra"]["outcome"]), (&json!("It fell."), &json!("done")));

    // Against the models that Harbor publishes, where they are installed.
    let python = std::env::var("HARNESS_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = "import sys, json\ntry:\n    from harbor.models.trajectories import Trajectory\nexcept Exception as error:\n    print('absent:', error); sys.exit()\nTrajectory.model_validate(json.load(sys.stdin)); print('valid')";
    let child =
        std::process::Command::new(&python).args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return eprintln!("skipped: no {python} to validate with") };
    let _ = child.stdin.take().unwrap().write_all(out.as_bytes());
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    match said.trim() {
        absent if absent.starts_with("absent") => eprintln!("skipped: the Python package `harbor` is {absent}"),
        verdict => assert_eq!(verdict, "valid"),
    }
}

#[test]
fn a_collector_gets_spans_under_the_names_of_the_conventions() {
    let (workspace, a, _) = workspace();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let collector = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut reader = BufReader::new(stream);
        let (mut first, mut length, mut line) = (String::new(), 0, String::new());
        reader.read_line(&mut first).unwrap();
        while reader.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        (first, serde_json::from_slice::<Value>(&body).unwrap())
    });
    let sent = workspace.json(&["trace", "export", "otlp", "--endpoint", &endpoint, "--episode", &a]);
    assert_eq!(sent["sent"], 1);
    let (first, body) = collector.join().unwrap();
    assert!(first.starts_with("POST /v1/traces "), "{first}");
    let scope = &body["resourceSpans"][0]["scopeSpans"][0];
    let spans = scope["spans"].as_array().unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["invoke_agent harness", "chat scripted", "execute_tool dice", "chat scripted"]);
    let attribute = |span: &Value, key: &str| -> Value {
        let all = span["attributes"].as_array().unwrap();
        all.iter().find(|one| one["key"] == key).map_or(Value::Null, |one| one["value"].clone())
    };
    for (span, operation) in spans.iter().zip(["invoke_agent", "chat", "execute_tool", "chat"]) {
        assert_eq!(attribute(span, "gen_ai.operation.name")["stringValue"], operation);
        assert_eq!((span["traceId"].as_str().unwrap().len(), span["spanId"].as_str().unwrap().len()), (32, 16));
        let root = operation == "invoke_agent";
        assert_eq!(span["parentSpanId"].as_str(), (!root).then(|| spans[0]["spanId"].as_str().unwrap()));
        let time = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"));
    }
    assert_eq!(attribute(&spans[1], "gen_ai.request.model")["stringValue"], "scripted");
    assert_eq!(
        attribute(&spans[1], "gen_ai.response.finish_reasons")["arrayValue"]["values"][0]["stringValue"],
        "tool_calls"
    );
    assert_eq!(attribute(&spans[2], "gen_ai.tool.call.id")["stringValue"], "c0");
    assert_eq!(attribute(&spans[0], "gen_ai.usage.input_tokens")["intValue"], "0");
    // Without an endpoint the same is written; where nobody listens, that is said.
    let written: Value =
        serde_json::from_str(&workspace.run(&["trace", "export", "otlp", "--episode", &a]).success().out).unwrap();
    assert_eq!(written, body);
    let gone = workspace.run(&["trace", "export", "otlp", "--endpoint", "http://127.0.0.1:9", "--episode", &a]);
    gone.failure(1, &["http://127.0.0.1:9/v1/traces cannot be reached", "is a collector"]);
}

#[test]
fn an_interrupted_task_goes_on_where_it_was() {
    let upstream = Upstream::new();
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", format!("{}\n[[tool]]\nuse = \"hello/dice\"\n", upstream.harness()));
    let mut command = workspace.command(&["run", "my.toml", "--prompt", "Throw."]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut model = upstream.next();
    let call = json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "delta": {"tool_calls": [
        {"index": 0, "id": "c0", "function": {"name": "dice", "arguments": "{\"sides\":6}"}}]}}]});
    model.0.write_all(format!("data: {call}\n\ndata: [DONE]\n\n").as_bytes()).unwrap();
    drop(model);
    // The second question is on its way: the first and the tool are done.
    let waiting = upstream.next();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
    let id = workspace.json(&["trace", "list"])["episodes"][0]["start"]["episode"].as_str().unwrap().to_owned();
    assert!(told.contains(&format!("--resume {id} goes on")), "{told}");
    drop(waiting);
    let resume = |arguments: &[&str]| workspace.run(&[&["run", "my.toml", "--resume"], arguments].concat());
    resume(&[&id, "--model", "first"]).failure(2, &["ran under the harness", "give the file as it was then"]);

    let mut command = workspace.command(&["run", "my.toml", "--resume", &id, "--json"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut model = upstream.next();
    model.say("It fell.");
    model.end();
    let resumed: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!((&resumed["answer"], &resumed["steps"]), (&json!("It fell."), &json!(2)));
    let shown = |id: &str| workspace.json(&["trace", "show", id])["entries"].clone();
    let (before, after) = (shown(&id), shown(resumed["episode"].as_str().unwrap()));
    assert_eq!(after[1]["entry"]["replayed"], true, "the first question was not asked again: {after}");
    assert_eq!(before[3]["entry"]["micros"], after[3]["entry"]["micros"], "nor was the die thrown again");
    assert_eq!(before[4], after[4], "its result");

    // It ended, by whichever attempt it is named.
    for name in [&*id, resumed["episode"].as_str().unwrap()] {
        resume(&[name]).failure(2, &["has ended (done)", "only what was interrupted"]);
    }
    resume(&["zzz"]).failure(2, &["no episode \"zzz\""]);
}

#[test]
fn what_users_asked_becomes_tasks_to_explore() {
    let workspace = Workspace::new();
    let run = |arguments: &[&str]| workspace.run(&[&["suite", "from-traces"], arguments].concat());
    run(&["asked"]).failure(2, &["there is no record", "harness serve"]);
    workspace.put("my.toml", "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"Paris\", \"Rome\"]\n");
    let served = crate::serve::Served::new(&workspace, &["my.toml"]);
    let ask = |text: &str| {
        let body = json!({"model": "harness", "user": "ann", "messages": [{"role": "user", "content": text}]});
        served.chat(&body).1["id"].clone()
    };
    let ids = ["Capital of France? Mail ann@example.org", "Capital of Italy?", "Capital of Peru?", "Hello?"].map(ask);
    for body in [
        json!({"id": ids[0], "reward": 1}),
        json!({"id": ids[1], "reward": 0, "answer": "Rome"}),
        json!({"id": ids[2], "reward": 0}),
    ] {
        assert_eq!(served.post("/v1/feedback", &body).0, 200);
    }
    served.stop();
    let made = workspace.json(&["suite", "from-traces", "asked"]);
    assert_eq!((&made["tasks"], &made["splits"]), (&json!(2), &json!("explore")), "{made}");
    assert_eq!((&made["without_feedback"], &made["not_approved"]), (&json!(1), &json!(1)));
    assert_eq!(made["redacted"][0]["mark"], "[E-MAIL 1]");
    let tasks = workspace.read("asked/tasks.jsonl");
    assert!(
        tasks.contains("Mail [E-MAIL 1]\",\"answer\":\"Paris\",\"group\":\"ann\"") && !tasks.contains("ann@"),
        "{tasks}"
    );
    let stats = workspace.json(&["bench", "asked", "--model", "oracle", "--split", "explore", "--quiet"]);
    assert_eq!((&stats["episodes"], &stats["success"]), (&json!(2), &json!(1.0)));
    for split in ["gate", "sealed"] {
        let none = workspace.run(&["bench", "asked", "--model", "oracle", "--split", split, "--quiet"]);
        assert_ne!(none.code, Some(0), "{split}: {}", none.out);
    }
    // A command may be the judge, and a person's word makes a benchmark of it.
    let by_command = ["marked", "--reward", "grep -q Italy", "--grader", "contains", "--harness", "my.toml"];
    assert!(run(&by_command).success().out.contains("made marked with 1 tasks of 4 requests"));
    assert!(workspace.read("marked/suite.toml").contains("sealed = 25"));
    assert!(workspace.read("marked/harness.toml").contains("Rome"));
    run(&["odd", "--reward", "no-such-command-here"]).failure(2, &["cannot be run"]);
    run(&["odd", "--run", "serve-none"]).failure(2, &["no task comes of 0 requests"]);
    run(&["asked"]).failure(2, &["asked is there already"]);
}

#[test]
fn what_was_interrupted_in_a_sub_agent_goes_on_there() {
    let upstream = Upstream::new();
    let workspace = Workspace::with(&["hello"]);
    let agent = "[[tool]]\nuse = \"tools/agent\"\n[[tool.config.harness.tool]]\nuse = \"hello/dice\"\n";
    workspace.put("my.toml", format!("{}\n{agent}", upstream.harness()));
    let calls = |name: &str, arguments: &str| {
        let call = json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "delta": {"tool_calls": [
            {"index": 0, "id": "c0", "function": {"name": name, "arguments": arguments}}]}}]});
        let mut model = upstream.next();
        model.0.write_all(format!("data: {call}\n\ndata: [DONE]\n\n").as_bytes()).unwrap();
    };
    let says = |text: &str| {
        let mut model = upstream.next();
        model.say(text);
        model.end();
    };
    let child = workspace.command(&["run", "my.toml", "--prompt", "Throw."]).stderr(Stdio::piped()).spawn().unwrap();
    calls("agent", "{\"prompt\":\"Throw it.\"}");
    calls("dice", "{\"sides\":6}");
    let waiting = upstream.next();
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    drop(waiting);
    let listed = workspace.json(&["trace", "list"])["episodes"].clone();
    let ends: Vec<&Value> = listed.as_array().unwrap().iter().map(|row| &row["outcome"]).collect();
    assert_eq!(ends, ["cancelled", "cancelled"]);
    let (outer, inner) =
        (listed[0]["start"]["episode"].as_str().unwrap(), listed[1]["start"]["episode"].as_str().unwrap());
    workspace
        .run(&["run", "my.toml", "--resume", inner])
        .failure(2, &[&format!("answered a call of {outer}"), &format!("--resume {outer} goes on with both")]);

    let mut command = workspace.command(&["run", "my.toml", "--resume", outer, "--json"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    says("It fell.");
    says("Done.");
    let resumed: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(resumed["answer"], "Done.");
    let shown = |id: &str| workspace.json(&["trace", "show", id])["entries"].clone();
    let (before, after) = (shown(inner), shown(&format!("{}.1", resumed["episode"].as_str().unwrap())));
    assert_eq!(after[1]["entry"]["replayed"], true, "its first question was not asked again: {after}");
    assert_eq!(before[3]["entry"]["micros"], after[3]["entry"]["micros"], "nor was the die thrown again");
    assert_eq!(before[4], after[4], "its result");
}

#[test]
fn what_runs_elsewhere_is_not_begun_twice() {
    let upstream = Upstream::new();
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", format!("{}config.retries = 0\n[[tool]]\nuse = \"hello/dice\"\n", upstream.harness()));
    let start = |arguments: &[&str]| {
        workspace.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let calls_dice = || {
        let call = json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "delta": {"tool_calls": [
            {"index": 0, "id": "c0", "function": {"name": "dice", "arguments": "{\"sides\":6}"}}]}}]});
        upstream.next().0.write_all(format!("data: {call}\n\ndata: [DONE]\n\n").as_bytes()).unwrap();
    };
    let mut first = start(&["run", "my.toml", "--prompt", "Throw."]);
    calls_dice();
    let waiting = upstream.next();
    let listed = || workspace.json(&["trace", "list"])["episodes"].clone();
    // The writer is a thread of its own: what was played is there in a moment.
    let listed_as = |number: usize| loop {
        if let Some(id) = listed()[number]["start"]["episode"].as_str() {
            break id.to_owned();
        }
    };
    let id = listed_as(0);
    let pid = format!("process {} (`", first.id());
    workspace.run(&["run", "my.toml", "--resume", &id]).failure(1, &["is being worked on by", &pid, "--wait"]);
    assert_eq!(listed().as_array().unwrap().len(), 1, "nothing was begun");

    // Whoever waits goes on when the other is gone, even killed; the die is not thrown again.
    let mut second = start(&["run", "my.toml", "--resume", &id, "--wait"]);
    let mut told = BufReader::new(second.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains(&pid) && line.contains("waiting"), "{line}");
    first.kill().unwrap();
    first.wait().unwrap();
    drop(waiting);
    let waiting = upstream.next();
    // Going on with the first attempt or with the second is the same episode.
    let newest = listed_as(1);
    for name in [&id, &newest] {
        let by = format!("process {} (`", second.id());
        workspace.run(&["run", "my.toml", "--resume", name]).failure(1, &["is being worked on by", &by]);
    }
    second.kill().unwrap();
    second.wait().unwrap();
    drop(waiting);
    let third = start(&["run", "my.toml", "--resume", &id, "--json"]);
    let mut model = upstream.next();
    model.say("It fell.");
    model.end();
    let third: Value = serde_json::from_slice(&third.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(third["answer"], "It fell.");
    let thrown = |id: &str| workspace.json(&["trace", "show", id])["entries"][3]["entry"]["micros"].clone();
    assert_eq!(thrown(&id), thrown(third["episode"].as_str().unwrap()), "thrown once");

    // So it is with a bench: the same question is asked by one process.
    let bench = ["bench", "functions", "--harness", "my.toml", "--limit", "2", "--quiet"];
    let mut first = start(&bench);
    let waiting = upstream.next();
    let pid = format!("process {} (`", first.id());
    workspace.run(&bench).failure(1, &["the run bench-", "is being worked on by", &pid]);
    workspace.run(&["trace", "list"]).success();
    first.kill().unwrap();
    first.wait().unwrap();
    drop(waiting);
}

#[test]
fn an_evolution_has_one_holder() {
    let upstream = Upstream::new();
    let workspace = Workspace::with(&["routers"]);
    workspace.put("my.toml", upstream.harness());
    let evolve = ["evolve", "functions", "--harness", "my.toml", "--quiet", "--sealed", "5", "--with", "rounds=1"];
    let mut first = workspace.command(&evolve).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let waiting = upstream.next();
    let facts = || {
        let store = harness_trace::Store::read(workspace.path(".harness/record.sqlite")).unwrap();
        let runs = store.runs().unwrap();
        runs.iter().map(|run| store.facts(&run.id, harness_evolve::DECISIONS).unwrap().len()).sum::<usize>()
    };
    let before = facts();
    let pid = format!("process {} (`", first.id());
    workspace.run(&evolve).failure(1, &["the run evolve-functions-", "is being worked on by", &pid, "--wait"]);
    assert_eq!(facts(), before, "nothing was written twice");
    let run =
        harness_trace::Store::read(workspace.path(".harness/record.sqlite")).unwrap().runs().unwrap()[0].id.clone();
    workspace.run(&["evolve", "verify", &run]).success();
    first.kill().unwrap();
    first.wait().unwrap();
    drop(waiting);
}

#[test]
fn a_record_of_another_user_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = Workspace::new();
    workspace.put("my.toml", "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"hello\"]\n");
    workspace.run(&["run", "my.toml", "--prompt", "x"]).success();
    let record = workspace.path(".harness/record.sqlite");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&record), 0o600);
    let set = |path: &std::path::Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    // Root may write everywhere: another user is needed to be refused.
    let program = workspace.path("harness");
    std::fs::copy(env!("CARGO_BIN_EXE_harness"), &program).unwrap();
    let root = rustix::process::geteuid().is_root();
    let read = |arguments: &[&str]| {
        if !root {
            return workspace.run(arguments);
        }
        let dropped = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let mut command = workspace.command_of("setpriv".as_ref(), &dropped);
        crate::support::ran(command.arg(&program).args(arguments))
    };
    set(&workspace.path("."), 0o755);
    let id = workspace.json(&["trace", "list"])["episodes"][0]["start"]["episode"].as_str().unwrap().to_owned();
    set(&record, 0o444);
    set(&workspace.path(".harness"), 0o555);
    let before = std::fs::read(&record).unwrap();
    let files = || crate::support::names(&workspace.path(".harness")).len();
    let there = files();
    for (arguments, says) in [
        (&["trace", "list"][..], "1 of 1 episodes"),
        (&["trace", "show", &id], "hello"),
        (&["trace", "search", "hello"], "places"),
        (&["trace", "export"], "hello"),
        (&["trace", "export", "atif"], "hello"),
        (&["trace", "digest"], "episodes of"),
        (&["trace", "diff", &id, &id], "are alike"),
    ] {
        let ran = read(arguments).success();
        assert!(ran.out.contains(says), "{arguments:?}: {}", ran.out);
    }
    assert_eq!((std::fs::read(&record).unwrap(), files()), (before, there), "nothing was written");
    read(&["run", "my.toml", "--prompt", "y"]).failure(1, &["record"]);
    // Who may not even read is told so.
    if root {
        set(&record, 0o600);
        read(&["trace", "list"]).failure(1, &["cannot open the record"]);
    }
    set(&workspace.path(".harness"), 0o755);
}

#[test]
fn a_wrong_reply_is_asked_anew_once_it_is_void() {
    let upstream = Upstream::new();
    let workspace = Workspace::new();
    workspace.put("my.toml", upstream.harness());
    // Numbers its replies: what is repeated was not asked again.
    std::thread::spawn(move || {
        for number in 1.. {
            let mut model = upstream.next();
            model.say(&format!("Reply {number}."));
            model.end();
        }
    });
    let run = || workspace.json(&["run", "my.toml", "--prompt", "Say."]);
    let (first, again) = (run(), run());
    assert_eq!((&first["answer"], &again["answer"]), (&json!("Reply 1."), &json!("Reply 1.")), "a call is paid once");
    let id = again["episode"].as_str().unwrap();
    let voided = workspace.run(&["trace", "void", id, "--why", "another model answered"]).success().out;
    assert_eq!(voided, "1 calls and 2 episodes are void: later runs ask again, and no result counts them\n");
    assert_eq!(run()["answer"], "Reply 2.");
    let list = workspace.run(&["trace", "list"]).success().out;
    assert_eq!(list.matches(", void").count(), 2, "{list}");
    let shown = workspace.run(&["trace", "show", id]).success().out;
    assert!(shown.contains("another model answered"), "{shown}");
    workspace.run(&["trace", "void", "nothing-like-it"]).failure(2, &["nothing-like-it"]);
}
