//! What is computed from the record: statistics, faults, the export; and many writers and readers at once.

use harness_abi::Usage;
use harness_trace::{CallKind, Encoding, Filter, ModelNames, OtlpRequest, Outcome, Recorder, Store};
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
fn spans_are_when_calls_were() {
    let store = filled();
    let row = store.episode("e1").unwrap();
    let request = OtlpRequest::new(store.otlp_spans(&row, &ModelNames::new()).unwrap());
    assert!(!request.body(Encoding::Protobuf).unwrap().is_empty());
    let json = request.json().unwrap();
    let spans = json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    let step = ["chat main", "score main", "execute_tool noop"];
    assert_eq!(names, [&["invoke_agent harness"][..], &step, &step].concat());
    let times = |at: usize| {
        ["startTimeUnixNano", "endTimeUnixNano"].map(|key| spans[at][key].as_str().unwrap().parse::<u64>().unwrap())
    };
    // It began a millisecond after 1970; the chat five microseconds later, and came out of the record.
    assert_eq!((times(0)[0], times(1)), (1_000_000, [1_005_000, 1_005_000]));
    // Of the score it is not known: it follows what was before.
    assert_eq!(times(2), [1_005_000, 1_006_000]);
    assert_eq!(times(3), [u64::MAX, u64::MAX], "no sum overflows");
    assert!(spans[0].get("parentSpanId").is_none() && spans[1]["parentSpanId"] == spans[0]["spanId"]);
    let failed: Vec<&str> =
        spans.iter().filter(|span| span["status"]["code"] == 2).map(|span| span["name"].as_str().unwrap()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let events = spans[0]["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["name"]), (4, &Value::from("exception")));
    let keys = json.to_string();
    assert!(!keys.contains("null") && !keys.contains("droppedAttributesCount"), "{keys}");
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
