//! A server over streamable HTTP: answers as JSON, one session, no stream of its own; and one that is no server of this protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use harness_abi::ErrorClass;
use serde_json::{Value, json};

use crate::{build, call, said, server, specs};

type Heads = Arc<Mutex<Vec<String>>>;

/// Starts a server on the loopback; gives its address and the heads of what it was sent.
fn start(speaks: bool) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let heads = Heads::default();
    let log = heads.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let log = log.clone();
            std::thread::spawn(move || serve(connection, speaks, &log));
        }
    });
    (address, heads)
}

fn serve(mut connection: TcpStream, speaks: bool, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(connection.try_clone().expect("a clone"));
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        head += &line.to_lowercase();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    log.lock().expect("the log").push(format!("{head}\n{}", asked["method"]));
    let (status, kind, text) = match answer(&asked) {
        _ if !speaks => ("200 OK", "text/html", "<html>hi</html>".to_owned()),
        _ if !head.starts_with("post") => ("405 Method Not Allowed", "text/plain", String::new()),
        None => ("202 Accepted", "text/plain", String::new()),
        Some(answer) => ("200 OK", "application/json", answer.to_string()),
    };
    let session = if asked["method"] == "initialize" { "mcp-session-id: s1\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{session}content-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    // The client may have gone.
    let _ = connection.write_all(format!("{head}{text}").as_bytes());
}

fn answer(asked: &Value) -> Option<Value> {
    let id = asked.get("id")?;
    let result = match asked["method"].as_str()? {
        "initialize" => {
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "far", "version": "1"}})
        }
        "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
        "tools/call" => json!({"content": [{"type": "text", "text": asked["params"]["arguments"]["text"]}]}),
        _ => return Some(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no such method"}})),
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

#[test]
fn a_server_over_http_is_asked_with_its_token() {
    for revision in ["2025-11-25", "auto"] {
        let (url, heads) = start(true);
        // Cargo sets this variable for every test.
        let config = json!({"command": [], "url": url, "token_env": "CARGO_PKG_NAME", "revision": revision});
        let tool = server("far", "", config);
        assert_eq!(specs(&tool)[0].name, "far__echo");
        assert_eq!(call(&tool, "far__echo", r#"{"text": "hi"}"#).expect("an answer"), said("hi"));
        let heads = heads.lock().expect("the log");
        assert!(heads.iter().all(|head| head.contains("authorization: bearer harness-mcp")), "{heads:?}");
        let last = heads.iter().find(|head| head.ends_with("\"tools/call\"")).expect("a call");
        assert!(last.contains("mcp-session-id: s1") && last.contains("mcp-protocol-version: 2025-11-25"), "{last}");
    }
}

#[test]
fn what_is_no_server_of_this_protocol_is_named() {
    let (url, _) = start(false);
    let error = build("web", "", json!({"command": [], "url": url, "start_ms": 3000})).err().expect("a refusal");
    assert!(error.class == ErrorClass::UNAVAILABLE && error.message.contains(&url), "{error}");
}
