//! Killed at any moment, the record opens again and holds everything that was promised.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use harness_trace::{Filter, Outcome, Recorder, Store};

use crate::samples::{call_key, chat, end, every_kind, start};

const FILE: &str = "HARNESS_TRACE_CRASH_FILE";
const STEPS: u64 = 5;

/// Not a test of its own: what the killed process runs. Says on its output what it was promised to find again.
#[test]
#[ignore = "run by `whatever_was_promised_survives_a_kill`"]
fn child() {
    let Ok(path) = std::env::var(FILE) else { return };
    let store = Store::open(path).unwrap();
    let first = store.finished("run").unwrap().len() as u64;
    for n in first.. {
        let id = format!("e{n}");
        store.begin(start(&id, &id)).unwrap();
        for step in 0..STEPS {
            store.put_chat(call_key(n * STEPS + step), chat(&id)).unwrap();
            store.step(&id, step, every_kind()).unwrap();
        }
        store.end(&id, end(Outcome::Done, 1.0)).unwrap();
        match n % 3 {
            0 => store.flush().unwrap(),
            1 => store.put_fact("run", "done", &id, &n).unwrap(),
            _ => continue,
        }
        println!("promised {n}");
    }
}

fn check(path: &Path, promised: u64) {
    let db = rusqlite::Connection::open(path).unwrap();
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let store = Store::open(path).unwrap();
    let finished = store.finished("run").unwrap();
    assert!(finished.len() as u64 > promised, "{} episodes, {promised} promised", finished.len());
    for (n, row) in (0..).zip(&finished) {
        let id = format!("e{n}");
        // One of each, in order, and each whole: an attempt that was cut off is not among them.
        assert_eq!(row.start, start(&id, &id));
        assert_eq!(store.entries(row).unwrap().count(), STEPS as usize * every_kind().len());
        let result = store.episode_result("suite", "h1", &id, u64::MAX).unwrap();
        assert_eq!(result.as_ref(), Some(row));
        for step in 0..STEPS {
            assert_eq!(store.chat(&call_key(n * STEPS + step)).unwrap(), Some(chat(&id)));
        }
    }
    let facts = store.facts("run", "done").unwrap();
    assert!(facts.len() as u64 >= (promised + 2) / 3, "{} facts, {promised} promised", facts.len());
    for row in store.episodes(&Filter::default()).unwrap() {
        assert!(store.entries(&row).unwrap().all(|entry| entry.is_ok()));
    }
}

#[test]
fn whatever_was_promised_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            let mut promised = None;
            for line in lines.map_while(Result::ok) {
                if let Some((_, n)) = line.split_once("promised ") {
                    // The last line may be cut off by the kill.
                    promised = n.parse().ok().max(promised);
                }
            }
            promised
        });
        std::thread::sleep(Duration::from_micros(20_000 + round * 7_919 % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(promised) = reader.join().unwrap() {
            check(&path, promised);
        }
    }
    check(&path, 5);
}
