//! What the record costs: CPU microseconds and bytes per step, all threads counted, writes to the disk not waited for.
//!
//! A step is one model call (looked up, missed, recorded), one tool call and the two messages they leave. Run it with
//! `cargo bench -p harness-trace`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops at the first surprise")]

use std::{hint::black_box, path::Path, time::Duration};

use harness_abi::{Finish, Message, Part, Role, Usage};
use harness_trace::{CallKey, Entry, EpisodeEnd, EpisodeStart, Filter, Outcome, Purpose, Recorder, Store, StoredChat};

/// CPU time of this process so far, all threads, ended ones included only while somebody keeps them alive.
fn cpu() -> Duration {
    // The scheduler accounts for a running thread when it stops running.
    std::thread::sleep(Duration::from_millis(2));
    let nanos = std::fs::read_dir("/proc/self/task").unwrap().map(|task| {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        text.split_ascii_whitespace().next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}

/// CPU microseconds per step since `since`, less what looking costs.
fn micros(since: Duration, steps: u64) -> f64 {
    let until = cpu();
    let look = cpu() - until;
    (until - since).saturating_sub(look).as_secs_f64() * 1e6 / steps as f64
}

const HEAD: &[&str] = &["model", "tools", "free", "sampling", "0"];
const USAGE: Usage = Usage { input_tokens: 100, cached_tokens: 0, output_tokens: 10, cost_micros: 0 };

/// Writes an episode of `steps` steps; with `record` false does all but the recording, to subtract it.
fn episode(store: &Store, id: u64, steps: u64, record: bool) {
    let name = format!("episode-{id:08}");
    if record {
        let start = EpisodeStart {
            episode: name.clone(),
            run: "bench".into(),
            harness: "0123456789abcdef".into(),
            suite: "noop".into(),
            task: "bench task".into(),
            seed: id,
            ..EpisodeStart::default()
        };
        store.begin(start).unwrap();
    }
    let mut history = CallKey::default().push(&Message::user(format!("bench task {id}")));
    for turn in 0..steps {
        let key = history.head(HEAD);
        let reply =
            Message::new(Role::Assistant, [Part::tool_call(format!("c{turn}"), "noop", format!("{{\"i\":{turn}}}"))]);
        let result = Message::tool_result(format!("c{turn}"), "ok", false);
        history = history.push(&reply).push(&result);
        let stored = StoredChat {
            message: reply.clone(),
            finish: Finish::TOOL_CALLS,
            usage: USAGE,
            extra: String::new(),
            micros: 12,
        };
        let entries = vec![
            Entry::Chat {
                role: "main".into(),
                key,
                purpose: Purpose::Step,
                finish: Finish::TOOL_CALLS,
                usage: USAGE,
                began: Some(7),
                micros: 12,
                replayed: false,
            },
            Entry::Message { message: reply },
            Entry::Tool {
                id: format!("c{turn}"),
                name: "noop".into(),
                arguments: format!("{{\"i\":{turn}}}"),
                is_error: false,
                began: Some(9),
                micros: 3,
            },
            Entry::Message { message: result },
        ];
        if record {
            assert_eq!(store.chat(&key).unwrap(), None);
            store.put_chat(key, stored).unwrap();
            store.step(&name, turn, entries).unwrap();
        } else {
            black_box((stored, entries));
        }
    }
    if record {
        let end = EpisodeEnd {
            outcome: Outcome::Done,
            reason: String::new(),
            steps,
            usage: USAGE,
            replayed: Usage::default(),
            micros: 1,
            state: serde_json::Value::Null,
            grade: None,
        };
        store.end(&name, end).unwrap();
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

fn main() {
    println!("CPU us per step: many episodes in a row; one alone, waited for, the first and the second of a store;");
    println!("making the step itself (keys, messages, entries), already taken off the others; bytes per step on disk");
    println!("reading an entry list back, per step; a recorded call looked up; opening a store of 40,000 calls");
    println!(
        "steps/episode       many        first       second     making      bytes    reading     replay       open"
    );
    for steps in [50, 200, 800] {
        let episodes = 40_000 / steps;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("many.sqlite")).unwrap();
        let since = cpu();
        (0..episodes).for_each(|id| episode(&store, id, steps, false));
        let making = micros(since, episodes * steps);
        let since = cpu();
        (0..episodes).for_each(|id| episode(&store, id, steps, true));
        store.episodes(&Filter { run: "none".into(), ..Filter::default() }).unwrap();
        let many = micros(since, episodes * steps) - making;
        let since = cpu();
        for row in store.episodes(&Filter::default()).unwrap() {
            assert_eq!(store.entries(&row).unwrap().count() as u64, 4 * steps);
        }
        let reading = micros(since, episodes * steps);
        let key = CallKey::default().push(&Message::user("bench task 0")).head(HEAD);
        let since = cpu();
        for _ in 0..10_000 {
            assert!(store.chat(&key).unwrap().is_some());
        }
        let replay = micros(since, 10_000);
        drop(store);
        let since = cpu();
        let store = Store::open(folder.path().join("many.sqlite")).unwrap();
        let opening = micros(since, 1);
        drop(store);
        let bytes = size(&folder.path().join("many.sqlite")) / (episodes * steps);
        // One episode waited for: its transaction has nobody to share with. Opening is not counted.
        let (mut first, mut next) = (Vec::new(), Vec::new());
        for _ in 0..15 {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path().join("one.sqlite")).unwrap();
            for (id, alone) in [(0, &mut first), (1, &mut next)] {
                let since = cpu();
                episode(&store, id, steps, true);
                store.episodes(&Filter { run: "none".into(), ..Filter::default() }).unwrap();
                alone.push(micros(since, steps) - making);
            }
        }
        first.sort_by(f64::total_cmp);
        next.sort_by(f64::total_cmp);
        println!(
            "{steps:>13} {many:>10.2} {:>12.2} {:>12.2} {making:>10.2} {bytes:>10} {reading:>10.2} {replay:>10.2} {opening:>10.0}",
            first[7], next[7]
        );
    }
}
