//! What is computed from the record: statistics, faults, the export; and many writers and readers at once.

use harness_abi::Usage;
use harness_trace::{CallKind, Filter, Outcome, Recorder, Store};
use serde_json::Value;

use crate::samples::{call_key, chat, end, every_kind, start, usage};

fn filled() -> std::sync::Arc<Store> {
    let store = Store::in_memory().unwrap();
    for id in ["e1", "e2", "other"] {
        let mut begun = start(id, id);
        if id == "other" {
            begun.run = "other".into();
        }
        store.begin(begun).unwrap();
        store.step(id, 0, every_kind()).unwrap();
        store.step(id, 1, every_kind()).unwrap();
    }
    store.end("e1", end(Outcome::Done, 1.0)).unwrap();
    store
}

#[test]
fn calls_and_faults_are_counted() {
    let store = filled();
    let of_run = Filter { run: "run".into(), ..Filter::default() };
    let calls = store.call_statistics(&of_run).unwrap();
    let chats = &calls[&CallKind { role: "main".into(), asked_by: None, score: false }];
    assert_eq!((chats.calls, chats.replayed_calls, chats.micros), (4, 4, 0));
    assert_eq!(chats.replayed.input_tokens, 4 * usage(1).input_tokens);
    let scores = &calls[&CallKind { role: "main".into(), asked_by: Some("router".into()), score: true }];
    assert_eq!((scores.calls, scores.micros, scores.replayed), (4, 4, Usage::default()));
    let faults = store.faults(&of_run).unwrap();
    let seen: Vec<_> = faults
        .iter()
        .map(|fault| {
            (fault.hook.as_deref(), fault.class.as_str(), fault.faults, fault.episodes, fault.example.as_str())
        })
        .collect();
    assert_eq!(seen, [(None, "fault", 4, 2, "broke"), (Some("task_start"), "contract", 4, 2, "again")]);
    assert_eq!(store.faults(&Filter { ended: true, ..of_run }).unwrap()[0].faults, 2);
}

#[test]
fn every_exported_line_stands_alone() {
    let store = filled();
    let mut out = Vec::new();
    assert_eq!(store.export_jsonl(&Filter { run: "run".into(), ..Filter::default() }, &mut out).unwrap(), 2);
    let lines: Vec<Value> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2 * (1 + 2 * every_kind().len()));
    assert!(lines.iter().all(|line| line["schema"] == 1));
    assert_eq!(lines[0]["line"], "episode");
    assert_eq!(lines[0]["start"]["task"], "e1");
    assert_eq!(lines[0]["state"]["won"], true);
    assert_eq!((&lines[1]["line"], &lines[1]["episode"]), (&Value::from("entry"), &Value::from("e1")));
    let back: harness_trace::Entry = serde_json::from_value(lines[1]["entry"].clone()).unwrap();
    assert_eq!(back, every_kind()[0]);
}

#[test]
fn many_episodes_at_once_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("record.sqlite")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..20 {
                    let id = format!("t{thread}-{n}");
                    store.begin(start(&id, &id)).unwrap();
                    for step in 0..10 {
                        store.put_chat(call_key(step), chat("the same")).unwrap();
                        store.step(&id, step, every_kind()).unwrap();
                        if step == n % 10 {
                            let row = store.episode(&id).unwrap();
                            assert_eq!(
                                store.entries(&row).unwrap().count() as u64,
                                (step + 1) * every_kind().len() as u64
                            );
                        }
                    }
                    store.end(&id, end(Outcome::Done, 1.0)).unwrap();
                }
            });
        }
    });
    let rows = store.finished("run").unwrap();
    assert_eq!(rows.len(), 80);
    for row in rows {
        let steps: Vec<_> = store.entries(&row).unwrap().map(|entry| entry.unwrap().0).collect();
        assert!(steps.is_sorted() && steps.len() == 10 * every_kind().len());
    }
}
