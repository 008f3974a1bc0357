//! Killed at any moment, the record opens again and holds everything that was promised.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use harness_trace::{Filter, Outcome, Recorder, Store, TraceError};

use crate::samples::{call_key, chat, end, every_kind, start};

const FILE: &str = "HARNESS_TRACE_CRASH_FILE";
const STEPS: u64 = 5;

/// Not a test of its own: what the killed process runs. Says on its output what it was promised to find again.
#[test]
#[ignore = "run by `whatever_was_promised_survives_a_kill`"]
fn child() {
    let Ok(path) = std::env::var(FILE) else { return };
    if let Err(error) = write(&path) {
        println!("failed {error}");
    }
}

fn write(path: &str) -> Result<(), TraceError> {
    let store = Store::open(path)?;
    let first = store.finished("run")?.len() as u64;
    for n in first.. {
        let id = format!("e{n}");
        store.begin(start(&id, &id))?;
        for step in 0..STEPS {
            store.put_chat(call_key(n * STEPS + step), chat(&id))?;
            store.step(&id, step, every_kind())?;
        }
        store.end(&id, end(Outcome::Done, 1.0))?;
        match n % 3 {
            0 => store.flush()?,
            1 => store.put_fact("run", "done", &id, &n)?,
            _ => continue,
        }
        println!("promised {n}");
    }
    Ok(())
}

/// The last episode promised in a child's output.
fn promised(out: impl Read) -> Option<u64> {
    let lines = BufReader::new(out).lines().map_while(Result::ok);
    // The last line may be cut off by the kill: then it names a smaller number.
    lines.filter_map(|line| line.split_once("promised ")?.1.parse().ok()).max()
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
    assert!(facts.len() as u64 >= promised.div_ceil(3), "{} facts, {promised} promised", facts.len());
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
        let out = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || promised(out));
        std::thread::sleep(Duration::from_micros(20_000 + round * 7_919 % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(promised) = reader.join().unwrap() {
            check(&path, promised);
        }
    }
    check(&path, 5);
}

/// Not a test of its own: what runs under a limit on the size of files, until it is lifted.
#[test]
#[ignore = "run by `a_full_disk_passes_and_the_record_goes_on`"]
#[cfg(target_os = "linux")]
fn child_that_waits() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let Ok(path) = std::env::var(FILE) else { return };
    let store = Store::open(&path).unwrap();
    let filled = (0..).find_map(|n| {
        let id = format!("full{n}");
        let put = store.begin(start(&id, &id)).and_then(|()| store.step(&id, 0, every_kind()));
        put.and_then(|()| store.end(&id, end(Outcome::Done, 1.0))).and_then(|()| store.flush()).err()
    });
    assert!(matches!(filled, Some(TraceError::Writer(_))), "{filled:?}");
    assert!(store.failing().is_some());
    assert!(matches!(store.begin(start("refused", "t")), Err(TraceError::Writer(_))));
    let mut limit = getrlimit(Resource::Fsize);
    limit.current = limit.maximum;
    setrlimit(Resource::Fsize, limit).unwrap();
    // The writer tries again by itself; until then every call is the error.
    while store.failing().is_some() {
        std::thread::yield_now();
    }
    store.begin(start("after", "after")).unwrap();
    store.end("after", end(Outcome::Done, 1.0)).unwrap();
    store.flush().unwrap();
    println!("went on");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_passes_and_the_record_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 2000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_waits", "--ignored", "--nocapture"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("went on"), "{text} {}", String::from_utf8_lossy(&output.stderr));
    let finished = Store::open(&path).unwrap().finished("run").unwrap();
    assert_eq!(finished.last().map(|row| row.start.episode.as_str()), Some("after"));
    assert!(finished.iter().all(|row| row.start.episode != "refused"));
    // Everything up to the one the disk was too small for, and that one too: it waited.
    assert!(
        finished.iter().enumerate().take(finished.len() - 1).all(|(n, row)| row.start.episode == format!("full{n}"))
    );
}

/// A limit on the size of files is the full disk an ordinary user can make.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_and_loses_nothing_promised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains("failed the record's writer stopped: "), "{text}");
    check(&path, promised(output.stdout.as_slice()).unwrap());
}
