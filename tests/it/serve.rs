//! A harness behind an endpoint, as clients meet it: real sockets, the real binary, an upstream of the test's own where time matters.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::Workspace;

const INSIDE: &str = r#"
[model.main]
use = "std/scripted"
config.replies = [ { text = "I throw.", calls = [ { name = "dice", arguments = { sides = 6 } } ] }, "It fell.", "Again." ]
config.input_tokens = 7
config.output_tokens = 3

[[processor]]
use = "hello/greeter"

[[tool]]
use = "hello/dice"
"#;

const OUTSIDE: &str = r#"
[model.main]
use = "std/scripted"
config.replies = [ { text = "Let me ask.", calls = [ { name = "dice", arguments = { sides = 6 } }, { name = "ask", arguments = { who = "Ann" } } ] }, "Ann says yes." ]

[[tool]]
use = "hello/dice"
"#;

/// Most that anything here may take: far more than it does.
pub const LONG: Duration = Duration::from_secs(60);

/// A server that runs until this is dropped.
pub struct Served {
    child: Child,
    address: SocketAddr,
    pub said: Value,
}

impl Served {
    pub fn new(workspace: &Workspace, arguments: &[&str]) -> Self {
        let base = ["serve", "--json", "--listen", "127.0.0.1:0"];
        let mut command = workspace.command(&[&base, arguments].concat());
        command.env("HARNESS_TOKEN", "secret").env("NO_PROXY", "*");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let url = said["url"].as_str().unwrap().to_owned();
        let address = url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().parse().unwrap();
        Self { child, address, said }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Sends a request as it stands and gives status and body.
    fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = self.connect();
        // A server that has refused may close before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        answer(stream)
    }

    fn begin(&self, body: &Value) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(post("/v1/chat/completions", &body.to_string()).as_bytes()).unwrap();
        stream
    }

    pub fn chat(&self, body: &Value) -> (u16, Value) {
        let (status, body) = answer(self.begin(body));
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.raw(&post(path, &body.to_string()));
        (status, serde_json::from_str(&body).unwrap())
    }

    /// The chunks of a streamed answer.
    fn stream(&self, body: &Value) -> Vec<Value> {
        let (status, body) = answer(self.begin(body));
        assert_eq!(status, 200, "{body}");
        let mut data: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(data.pop(), Some("[DONE]"), "{body}");
        data.iter().map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    /// Ends it cleanly; all that happened is then on record.
    pub fn stop(mut self) {
        self.interrupt();
        assert!(self.child.wait().unwrap().success());
    }

    fn interrupt(&self) {
        let killed = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn post(path: &str, body: &str) -> String {
    let head = "Host: x\r\nAuthorization: Bearer secret\r\nContent-Type: application/json\r\nConnection: close";
    format!("POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Status and body, chunks taken apart.
fn answer(stream: TcpStream) -> (u16, String) {
    let mut reader = BufReader::new(stream);
    let status = head(&mut reader);
    let mut rest = String::new();
    // A connection that is reset after the answer has still answered.
    let _ = reader.read_to_string(&mut rest);
    (status.0, if status.1 { chunks(&rest) } else { rest })
}

/// The status, and whether the body comes in chunks.
fn head(reader: &mut impl BufRead) -> (u16, bool) {
    let (mut line, mut status, mut chunked) = (String::new(), 0, false);
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        if status == 0 {
            status = line.split(' ').nth(1).unwrap().parse().unwrap();
        }
        chunked |= line.to_lowercase().starts_with("transfer-encoding: chunked");
        line.clear();
    }
    (status, chunked)
}

fn chunks(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&rest[..size]);
        text = rest[size..].strip_prefix("\r\n").unwrap_or_default();
    }
    whole
}

fn ask(text: &str) -> Value {
    json!({"model": "harness", "messages": [{"role": "user", "content": text}]})
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

fn served(harness: &str, arguments: &[&str]) -> (Workspace, Served) {
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", harness);
    let served = Served::new(&workspace, &[&["my.toml"], arguments].concat());
    (workspace, served)
}

#[test]
fn a_request_is_an_episode() {
    let (workspace, served) = served(INSIDE, &[]);
    let (status, answer) = served.chat(&with(with(ask("Throw."), "temperature", json!(0.5)), "user", json!("ann")));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], "It fell.");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["total_tokens"], 2 * (7 + 3), "both calls of the model");
    assert_eq!(answer["harness"]["ignored"], json!(["temperature"]));
    let episode = answer["harness"]["episode"].as_str().unwrap();
    assert_eq!(answer["id"], format!("chatcmpl-{episode}"));
    let good = json!({"id": answer["id"], "reward": true, "comment": "right"});
    assert_eq!(served.post("/v1/feedback", &good), (200, json!({"recorded": true})));

    // The next request goes on with what really happened: the tool's result is there, though the client never saw it.
    let mut more = with(ask("Throw."), "user", json!("ann"));
    let said = [answer["choices"][0]["message"].clone(), json!({"role": "user", "content": "And again."})];
    more["messages"].as_array_mut().unwrap().extend(said);
    let (_, next) = served.chat(&more);
    assert_eq!(next["choices"][0]["message"]["content"], "Again.", "the script's third reply");

    for path in ["/v1/models", "/v1/models/harness", "/health", "/ready"] {
        let (status, body) = served.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!(status, 200, "{path}: {body}");
    }

    let said = served.said.clone();
    served.stop();
    let shown = workspace.json(&["trace", "show", episode]);
    assert_eq!(shown["episode"]["start"]["group"], "ann");
    assert_eq!(shown["episode"]["start"]["run"], said["run"]);
    assert_eq!(shown["episode"]["start"]["harness"], said["variants"]["main"]);

    let shown = workspace.run(&["trace", "show", next["harness"]["episode"].as_str().unwrap()]).success().out;
    assert!(shown.contains("tool result") && shown.contains("And again."), "{shown}");
}

#[test]
fn hidden_history_stays_in_its_session() {
    let (workspace, served) = served(INSIDE, &[]);
    let (_, answer) = served.chat(&with(ask("Throw."), "session", json!("ann")));
    let mut more = ask("Throw.");
    let said = [answer["choices"][0]["message"].clone(), json!({"role": "user", "content": "And again."})];
    more["messages"].as_array_mut().unwrap().extend(said);
    let episodes: Vec<(bool, Value)> = [(true, "ann"), (false, "bob"), (false, "")]
        .map(|(own, session)| {
            (own, served.chat(&with(more.clone(), "session", json!(session))).1["harness"]["episode"].clone())
        })
        .into();
    served.stop();
    for (own, episode) in episodes {
        let shown = workspace.run(&["trace", "show", episode.as_str().unwrap()]).success().out;
        // After the head, which names the task: what the tool said in the first request, and nobody but the first session may have in its context.
        let first = shown.split("And again.").nth(1).unwrap();
        assert_eq!(first.contains("tool result"), own, "{shown}");
    }
}

#[test]
fn a_stream_says_what_the_whole_says() {
    let (_workspace, served) = served(INSIDE, &[]);
    let body = with(ask("Throw."), "stream", json!(true));
    let chunks = served.stream(&with(body, "stream_options", json!({"include_usage": true})));
    let delta = |chunk: &Value| chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
    assert_eq!(chunks.iter().map(delta).collect::<String>(), "It fell.");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));
    let last = &chunks[chunks.len() - 1];
    assert_eq!((&last["choices"], &last["usage"]["prompt_tokens"]), (&json!([]), &json!(14)));
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    let (_, whole) = served.chat(&ask("Throw."));
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("It fell."), &json!("I throw.")));
    assert_eq!(told(&chunks), ("I throw.".to_owned(), "It fell.".to_owned()));
    let cut = with(ask("Throw."), "stop", json!(["fell"]));
    let (_, whole) = served.chat(&cut);
    assert_eq!(whole["choices"][0]["message"]["content"], "It ");
    assert_eq!(told(&served.stream(&with(cut, "stream", json!(true)))).1, "It ");
}

/// What chunks come to: reasoning and content.
fn told(chunks: &[Value]) -> (String, String) {
    let all = |key: &str| chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][key].as_str()).collect();
    (all("reasoning_content"), all("content"))
}

#[test]
fn words_come_through_a_harness_that_has_tools() {
    let upstream = Upstream::new();
    let harness = format!("{}[[tool]]\nuse = \"hello/dice\"\n", upstream.harness());
    // What the model does; sees to it that what may be told is told before it goes on.
    let play = |mut client: Option<&mut BufReader<TcpStream>>, words: bool| {
        let mut seen = |text: &str| client.iter_mut().for_each(|client| until(client, text));
        let mut model = upstream.next();
        model.delta(&json!({"reasoning_content": "Hm."}));
        seen("\"reasoning_content\":\"Hm.\"");
        model.say("I throw.");
        if words {
            seen("\"content\":\"I throw.\"");
        }
        model.delta(&json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "dice", "arguments": "{\"sides\": 6}"}}]}));
        model.end();
        let mut model = upstream.next();
        if !words {
            seen("\"reasoning_content\":\"\\n\\nI throw.\"");
        }
        model.say("It");
        if words {
            seen("\"content\":\"\\n\\nIt\"");
        }
        model.say(" fell.");
        model.end();
        seen(if words { "\"content\":\" fell.\"" } else { "\"content\":\"It fell.\"" });
        seen("[DONE]");
    };
    for (commentary, reasoning, content) in
        [("reasoning", "Hm.\n\nI throw.", "It fell."), ("content", "Hm.", "I throw.\n\nIt fell.")]
    {
        let words = commentary == "content";
        let (workspace, served) = served(&harness, &["--commentary", commentary]);
        play(Some(&mut stream_of(&served)), words);
        // And the same, whole.
        let client = served.begin(&with(ask("x"), "seed", json!(7)));
        play(None, words);
        let (status, body) = answer(client);
        let body: Value = serde_json::from_str(&body).unwrap();
        let message = &body["choices"][0]["message"];
        assert_eq!(status, 200, "{body}");
        assert_eq!((&message["reasoning_content"], &message["content"]), (&json!(reasoning), &json!(content)));
        // What the client sends back is known again: the next request goes on with the tool's result.
        let mut more = with(ask("x"), "seed", json!(8));
        more["messages"].as_array_mut().unwrap().extend([message.clone(), json!({"role": "user", "content": "More."})]);
        let client = served.begin(&more);
        let mut model = upstream.next();
        model.say("No.");
        model.end();
        let (_, next) = answer(client);
        let next: Value = serde_json::from_str(&next).unwrap();
        let episode = next["harness"]["episode"].as_str().unwrap().to_owned();
        served.stop();
        let shown = workspace.run(&["trace", "show", &episode]).success().out;
        assert!(shown.contains("tool result"), "{shown}");
    }
}

#[test]
fn tools_of_the_client_are_left_to_the_client() {
    let (workspace, served) = served(OUTSIDE, &[]);
    let tools = json!([{"type": "function", "function": {"name": "ask", "parameters": {"type": "object"}}}]);
    let first = with(ask("May I?"), "tools", tools.clone());
    let (_, answer) = served.chat(&first);
    let message = &answer["choices"][0]["message"];
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls", "{answer}");
    let calls = message["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "the harness's own call is its own affair: {answer}");
    assert_eq!(calls[0]["function"], json!({"name": "ask", "arguments": "{\"who\":\"Ann\"}"}));
    let streamed = served.stream(&with(first.clone(), "stream", json!(true)));
    let call = streamed.iter().find_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0)).unwrap();
    assert_eq!((&call["index"], &call["function"]), (&json!(0), &calls[0]["function"]));

    let mut next = first;
    let result = json!({"role": "tool", "tool_call_id": calls[0]["id"], "content": "yes"});
    next["messages"].as_array_mut().unwrap().extend([message.clone(), result]);
    let (_, answer) = served.chat(&next);
    assert_eq!(answer["choices"][0]["message"]["content"], "Ann says yes.");
    let clash = with(ask("x"), "tools", json!([{"type": "function", "function": {"name": "dice"}}]));
    let (status, error) = served.chat(&clash);
    assert_eq!((status, error["error"]["param"].as_str()), (400, Some("tools")));
    served.stop();
    let history = workspace.json(&["trace", "show", answer["harness"]["episode"].as_str().unwrap()]);
    let messages = history["entries"].as_array().unwrap().iter().filter(|entry| entry["entry"]["type"] == "message");
    assert_eq!(messages.count(), 5, "user, calls, result of the dice, result of the client, answer");
}

#[test]
fn bad_requests_are_refused_in_the_protocols_shape() {
    let (workspace, served) = served(INSIDE, &["--max-body", "1000"]);
    let good = ask("x").to_string();
    let large = ask(&"x".repeat(2000)).to_string();
    let request = |path: &str, headers: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (chat, json, token) =
        ("/v1/chat/completions", "Content-Type: application/json\r\n", "Authorization: Bearer secret\r\n");
    let both = format!("{json}{token}");
    let cases = [
        (request(chat, json, &good), 401, "invalid_api_key"),
        (request(chat, &format!("{json}Authorization: Bearer wrong\r\n"), &good), 401, "invalid_api_key"),
        (request(chat, token, &good), 415, "unsupported_media_type"),
        (request(chat, &both, "{"), 400, "invalid_json"),
        (request(chat, &both, "\u{0}\u{1}"), 400, "invalid_json"),
        (request(chat, &both, &"[".repeat(900)), 400, "invalid_json"),
        (request(chat, &both, &large), 413, "request_too_large"),
        (post(chat, "").replace("Content-Length: 0", "Content-Length: 99999999999"), 413, "request_too_large"),
        (request(chat, &both, &good.replace("harness", "gpt-4o")), 404, "model_not_found"),
        (request(chat, &both, &good.replace("user", "tool")), 400, "invalid_value"),
        (request("/v1/embeddings", &both, &good), 404, "unknown_url"),
        (request("/v1/models", &both, &good), 405, "method_not_allowed"),
        (request("/v1/feedback", &both, "{\"id\": \"chatcmpl-x\", \"reward\": 1}"), 404, "answer_not_found"),
        (request("/v1/feedback", &both, "{\"id\": \"x\", \"reward\": 2}"), 400, "invalid_value"),
    ];
    for (request, status, code) in cases {
        let (found, body) = served.raw(&request);
        assert_eq!(found, status, "{request} {body}");
        let error: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(error["error"]["code"], code, "{request}");
        assert!(error["error"]["message"].as_str().is_some_and(|text| text.len() > 10));
    }
    for garbage in [
        "\u{16}\u{3}\u{1}",
        "GET\r\n\r\n",
        "POST / HTTP/9\r\n\r\n",
        &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000)),
    ] {
        let mut stream = served.connect();
        let _ = stream.write_all(garbage.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert_eq!(served.chat(&ask("x")).0, 200, "it is still there");
    let refused = |arguments: &[&str]| workspace.run(&[&["serve", "my.toml"], arguments].concat());
    refused(&["--no-token", "--listen", "0.0.0.0:0"]).failure(2, &["--no-token lets anybody in", "127.0.0.1"]);
    refused(&["--listen", &served.address.to_string()]).failure(2, &["cannot listen on", "port 0"]);
}

#[test]
fn without_a_token_only_a_loopback_name_is_answered() {
    let (_workspace, served) = served(INSIDE, &["--no-token"]);
    let body = ask("x").to_string();
    let to = |host: &str| {
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        served.raw(&request).0
    };
    assert_eq!((to("127.0.0.1:1"), to("localhost"), to("evil.example")), (200, 200, 403));
}

#[test]
fn a_thousand_slow_clients_keep_nobody_waiting() {
    const SLOW: usize = 1000;
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < 2 * SLOW as u64) {
        return eprintln!("skipped: this process may open {:?} files", limit.maximum);
    }
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let (_workspace, served) = served(INSIDE, &[]);
    let whole = post("/v1/chat/completions", &ask("x").to_string());
    let slow: Vec<TcpStream> = (0..SLOW)
        .map(|number| {
            let mut stream = served.connect();
            // Some within the headers, some within the body, some silent.
            let part = [0, 20, whole.len() - 5][number % 3];
            stream.write_all(&whole.as_bytes()[..part]).unwrap();
            stream
        })
        .collect();
    let before = std::time::Instant::now();
    assert_eq!(served.chat(&ask("x")).0, 200);
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    drop(slow);
    assert_eq!(served.chat(&ask("x")).0, 200);
}

/// A model server of the test's own: tells of every request that comes, and answers piece by piece as it is told.
pub struct Upstream {
    pub url: String,
    asked: Receiver<Conversation>,
}

/// A request that is being answered.
pub struct Conversation(pub TcpStream);

impl Upstream {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (to, asked): (Sender<Conversation>, _) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(LONG)).unwrap();
                let mut reader = BufReader::new(stream);
                let (mut length, mut line) = (0, String::new());
                while reader.read_line(&mut line).unwrap_or(0) > 2 {
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let mut stream = reader.into_inner();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
                    .unwrap();
                if to.send(Conversation(stream)).is_err() {
                    return;
                }
            }
        });
        Self { url, asked }
    }

    pub fn harness(&self) -> String {
        format!(
            "[model.main]\nuse = \"models/openai\"\nconfig.model = \"m\"\nconfig.base_url = \"{}\"\nconfig.api_key_env = \"\"\n",
            self.url
        )
    }

    pub fn next(&self) -> Conversation {
        self.asked.recv_timeout(LONG).unwrap()
    }
}

impl Conversation {
    pub fn say(&mut self, text: &str) {
        self.delta(&json!({"content": text}));
    }

    fn delta(&mut self, delta: &Value) {
        let piece = json!({"choices": [{"index": 0, "delta": delta}]});
        self.0.write_all(format!("data: {piece}\n\n").as_bytes()).unwrap();
    }

    pub fn end(mut self) {
        let piece = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        self.0.write_all(format!("data: {piece}\n\ndata: [DONE]\n\n").as_bytes()).unwrap();
    }

    /// Waits until the other side has closed.
    pub fn closed(mut self) {
        let mut byte = [0];
        // A reset is a way to close, too.
        assert_eq!(self.0.read(&mut byte).unwrap_or(0), 0);
    }
}

/// Reads a streamed answer until this text has come.
fn until(reader: &mut BufReader<TcpStream>, text: &str) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "{text} did not come");
    }
}

fn stream_of(served: &Served) -> BufReader<TcpStream> {
    BufReader::new(served.begin(&with(ask("x"), "stream", json!(true))))
}

#[test]
fn words_come_as_they_are_written_and_a_client_that_goes_stops_the_work() {
    let upstream = Upstream::new();
    let (workspace, served) = served(&upstream.harness(), &["--concurrency", "1"]);
    let mut client = stream_of(&served);
    let mut model = upstream.next();
    model.say("One");
    until(&mut client, "\"content\":\"One\"");
    let (status, error) = served.chat(&ask("y"));
    assert_eq!((status, error["error"]["code"].as_str()), (429, Some("rate_limit_exceeded")), "the only seat is taken");
    model.say(" two");
    until(&mut client, "\"content\":\" two\"");
    drop(client);
    model.closed();
    // The seat is free again once the episode has ended and is on record.
    let row = loop {
        let list = workspace.json(&["trace", "list"]);
        if list["episodes"][0]["outcome"] != Value::Null {
            break list["episodes"][0].clone();
        }
    };
    assert_eq!(row["outcome"], "cancelled");
    let mut client = stream_of(&served);
    let mut model = upstream.next();
    model.say("Well");
    model.end();
    until(&mut client, "[DONE]");
    // A model that breaks off in the middle: the stream says so in the protocol's words.
    let mut client = stream_of(&served);
    let mut model = upstream.next();
    model.say("Half");
    drop(model);
    until(&mut client, "\"error\"");
}

#[test]
fn a_model_that_is_gone_is_told_by_the_status() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let harness = format!(
        "[model.main]\nuse = \"models/openai\"\nconfig.model = \"m\"\nconfig.base_url = \"http://{address}/v1\"\nconfig.api_key_env = \"\"\nconfig.retries = 0\n"
    );
    let (_workspace, served) = served(&harness, &[]);
    for stream in [false, true] {
        let (status, error) = served.chat(&with(ask("x"), "stream", json!(stream)));
        assert_eq!((status, error["error"]["type"].as_str()), (503, Some("server_error")), "{error}");
    }
}

#[test]
fn an_interrupt_lets_what_is_under_way_end() {
    let upstream = Upstream::new();
    let (workspace, mut served) = served(&upstream.harness(), &[]);
    let mut client = stream_of(&served);
    let mut model = upstream.next();
    model.say("One");
    until(&mut client, "One");
    served.interrupt();
    // Nobody new is let in.
    while TcpStream::connect(served.address).is_ok() {}
    model.say(" two");
    model.end();
    until(&mut client, "[DONE]");
    assert!(served.child.wait().unwrap().success());
    assert_eq!(workspace.json(&["trace", "list"])["episodes"][0]["outcome"], "done");
}
