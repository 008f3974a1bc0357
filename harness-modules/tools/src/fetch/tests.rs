//! `fetch` against a server of this machine that answers in every wrong way.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use harness_abi::{RawToolSink, stable::RResult, stable::RString, tool_sink};
use serde_json::Value;

use super::*;
use crate::folder::tests::call;

/// A server on a port of its own; what it was asked for is counted.
struct Server {
    at: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each request with what `answer` says to its path; nothing more comes from it then, but the connection stays open.
    fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let (answer, count) = (Arc::new(answer), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, count) = (answer.clone(), count.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &*answer, &count));
            }
        });
        Self { at, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str) -> Vec<u8>, count: &AtomicUsize) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    count.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8(head).unwrap();
    let _ = stream.write_all(&answer(head.split(' ').nth(1).unwrap()));
    // Until the other side has had enough.
    let _ = stream.read(&mut byte);
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn typed(kind: &str, body: &[u8]) -> Vec<u8> {
    answer("200 OK", &format!("Content-Type: {kind}\r\n"), body)
}

fn fetch(hosts: &[&str]) -> Fetch {
    let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
    Fetch::new(FetchConfig { hosts, seconds: 20, bytes: 4096, output_chars: 500 }).unwrap()
}

fn ask(tool: &Fetch, arguments: &Value) -> ToolOutput {
    call(tool, Path::new("/"), arguments)
}

#[test]
fn documents_become_text() {
    let html = b"<!doctype html><html><head><title>T</title><script>alert(1)</script><style>p{}</style></head>\
        <body><h1>Head</h1><p>One <a href='/two'>two</a> &amp; three.</p><ul><li>a</li><li>b</li></ul></body></html>";
    let server = Server::new(move |path| match path {
        "/html" => typed("text/html; charset=utf-8", html),
        "/untyped" => answer("200 OK", "", html),
        "/json" => typed("application/vnd.api+json", br#"{"a": [1]}"#),
        "/latin" => typed("text/plain; charset=ISO-8859-1", b"caf\xe9"),
        "/meta" => typed(
            "text/html",
            b"<meta http-equiv=x content='text/html; charset=windows-1251'><p>\xcf\xf0\xe8\xe2\xe5\xf2",
        ),
        "/mark" => typed("text/plain", b"\xef\xbb\xbfmarked"),
        "/wide" => typed("text/plain; charset=utf-16le", b"h\0i\0"),
        "/broken" => typed("text/plain", b"a\xff\xfeb"),
        "/nonsense" => typed("text/plain; charset=klingon", b"plain"),
        "/empty" => typed("text/plain", b""),
        "/png" => typed("image/png", b"\x89PNG"),
        "/pdf" => typed("application/pdf", b"%PDF"),
        "/unknown" => answer("200 OK", "", b"a\0b"),
        "/gzip" => answer("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", b"\x1f\x8b"),
        "/busy" => answer("429 Too Many Requests", "Content-Type: text/plain\r\nRetry-After: 7\r\n", b"slow down"),
        _ => answer("404 Not Found", "Content-Type: text/html\r\n", b"<h1>Nothing here</h1>"),
    });
    let tool = fetch(&[&server.at]);
    let readable = format!("# Head\n\nOne [two][1] & three.\n* a\n* b\n\n[1]: http://{}/two", server.at);
    for (path, expected, is_error) in [
        ("html", format!("(text/html)\n\n{readable}"), false),
        ("untyped", format!("(of no stated type)\n\n{readable}"), false),
        ("json", "(application/vnd.api+json)\n\n{\"a\": [1]}".to_owned(), false),
        ("latin", "\n\ncafé".to_owned(), false),
        ("meta", "\n\nПривет".to_owned(), false),
        ("mark", "\n\nmarked".to_owned(), false),
        ("wide", "\n\nhi".to_owned(), false),
        (
            "broken",
            "\n\na\u{fffd}\u{fffd}b\n[some bytes are no characters of its encoding; they are shown as \u{fffd}]"
                .to_owned(),
            false,
        ),
        ("nonsense", "\n\nplain".to_owned(), false),
        ("empty", "(text/plain)\n\n".to_owned(), false),
        ("png", "is no text: image/png, 4 bytes".to_owned(), true),
        ("pdf", "is no text: application/pdf, 4 bytes".to_owned(), true),
        ("unknown", "is no text, and its server does not say what it is".to_owned(), true),
        ("gzip", "came compressed (gzip), which was not asked for".to_owned(), true),
        ("busy", ": 429 Too Many Requests, try again after: 7\nslow down".to_owned(), true),
        ("gone", ": 404 Not Found\n# Nothing here".to_owned(), true),
    ] {
        let output = ask(&tool, &json!({"url": format!("http://{}/{path}", server.at)}));
        assert!(output.text.starts_with(&format!("http://{}/{path}", server.at)), "{path}: {}", output.text);
        assert!(output.text.ends_with(&expected), "{path}: {:?}", output.text);
        assert_eq!(output.is_error, is_error, "{path}");
    }
    let raw = ask(&tool, &json!({"url": format!("http://{}/html", server.at), "raw": true}));
    assert!(raw.text.ends_with(std::str::from_utf8(html).unwrap()), "{}", raw.text);
}

#[test]
fn what_is_cut_is_said_and_how_to_go_on() {
    let server = Server::new(|path| match path {
        "/long" => typed("text/plain; charset=utf-8", "é".repeat(1200).as_bytes()),
        // No length, and no end.
        _ => {
            let mut endless = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n".to_vec();
            endless.resize(1 << 20, b'x');
            endless
        }
    });
    let (tool, url) = (fetch(&[&server.at]), format!("http://{}/long", server.at));
    let part =
        |start: usize, length: usize| ask(&tool, &json!({"url": url, "start_index": start, "max_length": length}));
    let first = ask(&tool, &json!({"url": url})).text;
    let expected =
        format!("\n\n{}\n[characters 0 to 500 of 1200; call again with start_index 500 for the rest]", "é".repeat(500));
    assert!(first.ends_with(&expected), "{first}");
    assert!(
        part(500, 9999)
            .text
            .ends_with("[characters 500 to 1000 of 1200; call again with start_index 1000 for the rest]")
    );
    assert!(part(1000, 9999).text.ends_with("é\n[characters 1000 to 1200 of 1200]"));
    assert!(
        part(3, 1).text.ends_with("\n\né\n[characters 3 to 4 of 1200; call again with start_index 4 for the rest]")
    );
    let beyond = part(1200, 1);
    assert!(beyond.is_error && beyond.text.contains("has only 1200 characters"), "{}", beyond.text);

    let endless = ask(&tool, &json!({"url": format!("http://{}/endless", server.at)})).text;
    let end = "[characters 0 to 500 of 4096; call again with start_index 500 for the rest]\n[only its first 4096 bytes were read]";
    assert!(endless.ends_with(end), "{endless}");
}

#[test]
fn a_redirect_leads_nowhere_else() {
    let foreign = Server::new(|_| typed("text/plain", b"foreign"));
    let elsewhere = foreign.at.clone();
    let server = Server::new(move |path| {
        let to = match path {
            "/near" => "/there".to_owned(),
            "/foreign" => format!("http://{elsewhere}/secret"),
            "/cloud" => "http://169.254.169.254/latest/meta-data/".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            "/loop" => "/loop".to_owned(),
            "/nowhere" => return answer("302 Found", "", b""),
            _ => return typed("text/plain", b"arrived"),
        };
        answer("302 Found", &format!("Location: {to}\r\n"), b"")
    });
    let tool = fetch(&[&server.at, "169.254.169.253"]);
    for (path, expected) in [
        ("near", "/there (text/plain)\n\narrived"),
        ("foreign", "which is not followed: 127.0.0.1:"),
        ("cloud", "169.254.169.254 may not be fetched from; allowed are: 127.0.0.1:"),
        ("file", "only http and https are fetched, not file"),
        ("loop", "more than 5 redirects"),
        ("nowhere", "redirects to nowhere"),
    ] {
        let output = ask(&tool, &json!({"url": format!("http://{}/{path}", server.at)}));
        assert!(output.text.contains(expected), "{path}: {}", output.text);
        assert_eq!(output.is_error, path != "near");
    }
    assert_eq!(foreign.asked(), 0);
}

#[test]
fn no_name_leads_to_this_machine_unless_it_is_named() {
    let server = Server::new(|_| typed("text/plain", b"inside"));
    let port = server.at.rsplit(':').next().unwrap().to_owned();
    let any = [&*format!("*:{port}"), "*"];
    assert!(Hosts::new(vec![any[0].to_owned()]).is_err(), "a port of everybody is nobody's");
    let named = |host: &str| format!("{host}:{port}");
    // Every way to write this machine, with everybody allowed and with the very name allowed.
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        for scheme in ["http", "https"] {
            let output = ask(&fetch(&["*"]), &json!({"url": format!("{scheme}://{host}/")}));
            assert!(output.is_error && output.text.contains("an address of this machine"), "{host}: {}", output.text);
        }
    }
    for cloud in
        ["http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://10.0.0.1/", "http://192.168.1.1/"]
    {
        assert!(ask(&fetch(&["*"]), &json!({"url": cloud})).text.contains("an address of this machine"), "{cloud}");
    }
    assert_eq!(server.asked(), 0);
    let allowed = fetch(&[&named("localhost"), &server.at]);
    let output = ask(&allowed, &json!({"url": format!("http://{}/", named("localhost"))}));
    assert!(output.text.ends_with("inside"), "{}", output.text);
}

#[test]
fn nobody_is_fetched_from_unless_somebody_says_so() {
    let none = fetch(&[]);
    let output = ask(&none, &json!({"url": "https://docs.rs/"}));
    assert!(output.is_error && output.text.contains("the `hosts` of this tool is empty"), "{}", output.text);
    for wrong in ["docs.rs", "", "http://", "http://a b/"] {
        let output = ask(&fetch(&["docs.rs"]), &json!({"url": wrong}));
        assert!(output.is_error && output.text.contains("is no address"), "{wrong}: {}", output.text);
    }
    assert!(none.specs()[0].read_only && fetch(&["docs.rs", "*.python.org"]).specs()[0].read_only);
    assert!(!fetch(&["docs.rs", "*"]).specs()[0].read_only, "who may say anything to anybody is asked about");
}

/// A sink that nobody waits at any more once it was looked at.
struct Leaving(AtomicUsize);

impl RawToolSink for Leaving {
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) > 0
    }

    fn finish(self, _: RResult<RString, ModuleError>) {}

    fn finish_text(self, _: RString, _: bool) {}
}

/// A server that takes connections and says nothing, or half of something.
fn stalling(half: &'static [u8]) -> (String, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let (keep, kept) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(half).unwrap();
            let _ = keep.send(stream);
        }
    });
    (at, kept)
}

#[test]
fn a_server_that_stalls_is_not_waited_for() {
    for half in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf"] {
        let (at, _kept) = stalling(half);
        let config = FetchConfig { hosts: vec![at.clone()], seconds: 1, bytes: 4096, output_chars: 500 };
        let output = ask(&Fetch::new(config.clone()).unwrap(), &json!({"url": format!("http://{at}/")}));
        assert!(output.is_error && output.text.ends_with("did not answer whole within 1 s"), "{}", output.text);
        // Nor when the episode ends.
        let tool = Fetch::new(FetchConfig { seconds: 600, ..config }).unwrap();
        let arguments = json!({"url": format!("http://{at}/")}).to_string();
        let request = ToolRequest {
            id: "c".into(),
            name: "fetch".into(),
            arguments: arguments.as_str().into(),
            seed: 1,
            extra: "".into(),
        };
        let began = Instant::now();
        let error = tool.call(&request, &tool_sink(Leaving(AtomicUsize::new(0)))).unwrap_err();
        assert_eq!(error.class, ErrorClass::CANCELLED);
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
    let output = ask(&fetch(&["127.0.0.1:1"]), &json!({"url": "http://127.0.0.1:1/"}));
    assert!(
        output.is_error && output.text.contains("cannot be fetched") && output.text.contains("refused"),
        "{}",
        output.text
    );
}

#[test]
fn a_page_cannot_break_what_reads_it() {
    let deep: String = ["div", "table><tr><td", "ul><li", "blockquote", "b", "a href=x"]
        .iter()
        .map(|tag| format!("<{tag}>").repeat(1_000))
        .collect();
    let pages = [
        deep.into_bytes(),
        b"<div>".repeat(100_000),
        b"<table><tr><td>".repeat(20_000),
        b"<ul><li>".repeat(20_000),
        b"<blockquote>".repeat(500),
        [b"<div>".repeat(500), b"<b>x</b><p>".repeat(20_000)].concat(),
        b"<".repeat(100_000),
        b"&#x110000;&#0;&".repeat(1000),
        b"<p>\0</p><script>".to_vec(),
    ];
    for (number, body) in pages.into_iter().enumerate() {
        let began = Instant::now();
        let document = Document {
            url: Url::parse("http://x/").unwrap(),
            status: harness_http::reqwest::StatusCode::OK,
            kind: "text/html".to_owned(),
            charset: None,
            retry_after: None,
            body,
            whole: true,
        };
        // On a thread with as little room as a host's threads have.
        let read = move || page::page(&document, false).map(|page| page.text.len());
        std::thread::Builder::new().stack_size(2 << 20).spawn(read).unwrap().join().unwrap().map_or_else(
            |Refusal(why)| assert!(why.ends_with("ask for it with raw"), "{number}: {why}"),
            |length| assert!(length < 200_000, "{number}: {length} bytes"),
        );
        assert!(began.elapsed() < Duration::from_secs(20), "page {number} took {:?}", began.elapsed());
    }
}
