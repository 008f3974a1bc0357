//! The documents do what they say: the tutorial's commands are run in its order, with a stand-in for the model's server, and every
//! command of every document is one that the program takes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::Workspace;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const HARNESS: &str = env!("CARGO_BIN_EXE_harness");

/// A server like the tutorial's, whose model chats unless it was shown how to answer by turns of a conversation.
fn model() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || drop(answer(stream.unwrap())));
        }
    });
    address
}

/// One request and its reply.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body).unwrap();
    let messages = request["messages"].as_array().unwrap();
    let shown = messages.iter().any(|message| message["role"] == "assistant");
    let asked = messages.iter().rfind(|message| message["role"] == "user").unwrap()["content"].as_str().unwrap();
    let number = |word: &&str| word.len() == 7 && word.as_bytes()[2] == b'-' && word[3..].parse::<u32>().is_ok();
    let found = asked.split(|c: char| !(c.is_alphanumeric() || c == '-')).find(number);
    let text = if shown { found.unwrap_or("none") } else { "This message is about a customer." };
    let reply = json!({
        "id": "c", "object": "chat.completion", "model": "smollm2", "usage": {"prompt_tokens": 9, "completion_tokens": 3},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    })
    .to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ";
    write!(stream, "{head}{}\r\n\r\n{reply}", reply.len())
}

/// What a document has in blocks of this language, line by line.
fn block_lines(document: &str, language: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match line.strip_prefix("```") {
            Some(fence) => inside = !inside && fence == language,
            None if inside => lines.push(line.to_owned()),
            None => {}
        }
    }
    lines
}

fn shell(workspace: &Workspace, line: &str) -> Command {
    let mut command = workspace.command_of(Path::new("sh"), &["-c", line]);
    let folder = Path::new(HARNESS).parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{folder}:{path}")).env("HARNESS_TOKEN", "sesame").env_remove("OPENAI_BASE_URL");
    // Nothing of it asks anybody anything.
    command.env_remove("HARNESS_TRUST_FOLDER");
    command
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_tutorial_is_what_happens() {
    let workspace = Workspace::new();
    let read = |name: &str| std::fs::read_to_string(format!("{ROOT}/docs/{name}")).unwrap();
    for file in ["tickets.csv", "ask.py"] {
        workspace.put(&format!("docs/tutorial/{file}"), read(&format!("tutorial/{file}")));
    }
    workspace.put("docs/tutorial/harness.toml", read("tutorial/harness.toml").replace("127.0.0.1:8000", &model()));
    let (mut said, mut served) = (String::new(), None);
    let lines = block_lines(&read("tutorial.md"), "console");
    let mut words = Vec::new();
    for line in &lines {
        let Some(line) = line.strip_prefix("$ ") else {
            words.push(line.trim().to_owned());
            continue;
        };
        if let Some(line) = line.strip_suffix(" &") {
            let mut command = shell(&workspace, &format!("exec {line} --listen 127.0.0.1:0 --json"));
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut first = String::new();
            BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
            let address: Value = serde_json::from_str(&first).unwrap();
            served = Some((Ended(child), address));
            continue;
        }
        let output = shell(&workspace, line).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}\n{out}\n{err}");
        said += &format!("{out}{err}");
    }
    // Numbers are the model's own; what the program says about tasks and edits is not.
    let exact = [
        "made ",
        "tickets: ",
        "groups: ",
        "known ",
        "chance ",
        "warning: ",
        "JK-",
        "question",
        "\"Which",
        "round 1: shipped",
    ];
    for word in words.iter().filter(|word| exact.iter().any(|begin| word.starts_with(begin))) {
        assert!(said.contains(word.as_str()), "the tutorial says `{word}`, the program does not:\n{said}");
    }
    let (_server, address) = served.expect("it is served");
    let address = address["address"].as_str().or(address["url"].as_str()).expect("an address").to_owned();
    let host = address.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let body =
        json!({"model": "harness", "messages": [{"role": "user", "content": "Which order? Order AB-1234 is late."}]});
    let body = body.to_string();
    let mut stream = TcpStream::connect(&host).unwrap();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer sesame\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.contains("AB-1234"), "{reply}");
}

#[test]
fn every_command_of_the_documents_is_one() {
    let workspace = Workspace::new();
    let mut documents = vec![Path::new(ROOT).join("README.md")];
    documents.extend(std::fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let mut tried = 0;
    for document in documents.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let mut fence = None;
        for line in std::fs::read_to_string(document).unwrap().lines() {
            if let Some(language) = line.strip_prefix("```") {
                fence = if fence.is_some() { None } else { Some(language) };
                continue;
            }
            // What stands in a block is a command; what stands in prose, or is an answer to a command, may only look like one.
            let command = match fence {
                Some("console") => line.strip_prefix("$ "),
                Some(_) => Some(line),
                None => line.strip_prefix("    "),
            };
            let Some(line) = command else { continue };
            if !line.starts_with("harness ") || line.ends_with('\\') {
                continue;
            }
            let command = line.split([';', '|', '>', '#', '&']).next().unwrap().split("  ").next().unwrap().trim();
            let ran = shell(&workspace, &format!("{command} --help")).output().unwrap();
            let err = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{}: `{command}`\n{err}", document.display());
            tried += 1;
        }
    }
    assert!(tried > 30, "{tried} commands were found");
}
