//! What opening a large record costs: milliseconds and the most memory of a process that opens it, lists its episodes, or looks for a
//! recorded call. `cargo bench -p harness-trace --bench open`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops at the first surprise")]

use std::{path::Path, process::Command, time::Instant};

use harness_abi::{Finish, Message, Role, Usage};
use harness_trace::{CallKey, EpisodeEnd, EpisodeStart, Filter, Outcome, Recorder, Store, StoredChat};

/// Calls in the record.
const CALLS: u64 = 250_000;
/// Of these in an episode.
const EACH: u64 = 50;

fn key(call: u64) -> CallKey {
    CallKey::default().push(&Message::user(format!("call {call}"))).head(&["model"])
}

fn make(path: &Path) {
    let store = Store::open(path).unwrap();
    for episode in 0..CALLS / EACH {
        let id = format!("episode-{episode:06}");
        store.begin(EpisodeStart { episode: id.clone(), run: "bench".into(), ..EpisodeStart::default() }).unwrap();
        for call in 0..EACH {
            let reply = StoredChat {
                message: Message::new(Role::Assistant, []),
                finish: Finish::STOP,
                usage: Usage::default(),
                extra: String::new(),
                micros: 12,
            };
            store.put_chat(key(episode * EACH + call), reply).unwrap();
        }
        let end = EpisodeEnd {
            outcome: Outcome::Done,
            reason: String::new(),
            steps: EACH,
            usage: Usage::default(),
            replayed: Usage::default(),
            micros: 1,
            state: serde_json::Value::Null,
            grade: None,
        };
        store.end(&id, end).unwrap();
    }
    store.flush().unwrap();
}

/// The most memory this process had, in MiB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn measure(what: &str, path: &str) {
    let (began, before) = (Instant::now(), memory());
    match what {
        "nothing" => {}
        "open to write" => drop(std::hint::black_box(Store::open(path).unwrap())),
        "open to read" => drop(std::hint::black_box(Store::read(path).unwrap())),
        "list episodes" => {
            assert_eq!(Store::read(path).unwrap().episodes(&Filter::default()).unwrap().len() as u64, CALLS / EACH);
        }
        _ => assert!(Store::open(path).unwrap().chat(&key(CALLS - 1)).unwrap().is_some()),
    }
    println!("{what:<16} {:>8.1} ms {:>8.1} MiB more", began.elapsed().as_secs_f64() * 1e3, memory() - before);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, what, path] = &*arguments
        && what != "--bench"
    {
        return measure(what, path);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    make(&path);
    println!("a record of {CALLS} calls, {} MiB", std::fs::metadata(&path).unwrap().len() >> 20);
    for what in ["nothing", "open to write", "open to read", "list episodes", "find one call"] {
        let status = Command::new(std::env::current_exe().unwrap()).arg(what).arg(&path).status().unwrap();
        assert!(status.success());
    }
}
