//! What is marked as void stays on record and counts no more.

use harness_abi::{Finish, Usage};
use harness_trace::{Doubted, Entry, Filter, Outcome, Purpose, Recorder, RunRecord, Store, TraceError, Voided};
use serde_json::json;

use crate::samples::{call_key, chat, end, start};
use crate::store::each;

fn called(role: &str, n: u64) -> Entry {
    let (role, key) = (role.to_owned(), call_key(n));
    let (finish, usage) = (Finish::STOP, Usage::default());
    Entry::Chat { role, key, purpose: Purpose::Step, finish, usage, began: None, micros: 1, replayed: false }
}

/// Episodes with their calls: the first two share one, the last answered a call of the third.
fn record(store: &Store) {
    for n in 1..=4 {
        store.put_chat(call_key(n), chat(&format!("wrong {n}"))).unwrap();
    }
    for (id, parent, calls) in
        [("one", "", vec![1, 2]), ("two", "", vec![2]), ("three", "", vec![3]), ("three/inner", "three", vec![4])]
    {
        let mut begun = start(id, id);
        begun.parent = parent.to_owned();
        store.begin(begun).unwrap();
        store.step(id, 1, calls.into_iter().map(|n| called("main", n)).collect()).unwrap();
        store.end(id, end(Outcome::Done, 0.0)).unwrap();
    }
}

fn named(name: &str) -> Doubted {
    Doubted { names: vec![name.to_owned()], ..Doubted::default() }
}

fn ids(rows: Vec<harness_trace::EpisodeRow>) -> Vec<String> {
    rows.into_iter().map(|row| row.start.episode).collect()
}

#[test]
fn a_void_call_is_asked_again_and_what_was_played_with_it_is_no_result() {
    each(|store, reopen| {
        record(&store);
        let voided = store.void(&named("one"), "an error page", 7).unwrap();
        assert_eq!(voided, Voided { episodes: vec!["one".into(), "two".into()], calls: 2 });
        let replies = |store: &Store| {
            [1, 2, 3].map(|n| store.chat(&call_key(n)).unwrap().map(|reply| reply.message.text().into_owned()))
        };
        let stands = |store: &Store| {
            assert_eq!(ids(store.finished("run").unwrap()), ["three"]);
            assert_eq!(
                ids(store.episodes(&Filter { parent: Some(String::new()), ..Filter::default() }).unwrap()),
                ["three"]
            );
            assert_eq!(store.episodes(&Filter { void: true, ..Filter::default() }).unwrap().len(), 4);
            assert!(store.episode_result("suite", "h1", "one", u64::MAX).unwrap().is_none());
            assert!(store.episode_result("suite", "h1", "three", u64::MAX).unwrap().is_some());
            // It is still there to be read, with the mark.
            let row = store.episode("one").unwrap();
            assert_eq!(store.entries(&row).unwrap().count(), 2);
            let mark = store.voids().unwrap().remove(&row.num).unwrap();
            assert_eq!((mark.at_ms, mark.why.as_str()), (7, "an error page"));
        };
        assert_eq!(replies(&store), [None, None, Some("wrong 3".into())]);
        stands(&store);
        let store = reopen(store);
        assert_eq!(replies(&store), [None, None, Some("wrong 3".into())]);
        stands(&store);
        // The next reply is another, and stands.
        store.put_chat(call_key(1), chat("right")).unwrap();
        store.put_chat(call_key(1), chat("too late")).unwrap();
        let store = reopen(store);
        assert_eq!(replies(&store), [Some("right".into()), None, Some("wrong 3".into())]);
        stands(&store);
    });
}

#[test]
fn calls_are_named_by_their_keys_and_whoever_waited_for_them_is_void_too() {
    let store = Store::in_memory().unwrap();
    record(&store);
    let key = call_key(4).to_hex();
    let voided = store.void(&named(&key[..12].to_uppercase()), "", 0).unwrap();
    assert_eq!(voided, Voided { episodes: vec!["three".into(), "three/inner".into()], calls: 1 });
    assert_eq!(store.void(&named(&key), "", 0).unwrap(), Voided::default(), "once is enough");
    for name in ["nobody", "ffffffffffff"] {
        assert!(matches!(store.void(&named(name), "", 0), Err(TraceError::NoEpisode { .. })), "{name}");
    }
}

#[test]
fn a_model_is_named_by_what_the_run_says_served_its_roles() {
    let store = Store::in_memory().unwrap();
    let harness = json!({"model": {
        "main": {"use": "models/openai", "config": {"model": "a"}},
        "critic": {"use": "models/openai", "config": {"model": "b"}, "fallback": [{"use": "gguf/gguf"}]},
    }});
    let config = json!({"harness": harness.to_string()});
    store.begin_run(RunRecord { id: "run".into(), config, ..RunRecord::default() }).unwrap();
    for (id, role, n) in [("one", "main", 1), ("two", "critic", 2)] {
        store.put_chat(call_key(n), chat("x")).unwrap();
        store.begin(start(id, id)).unwrap();
        store.step(id, 1, vec![called(role, n)]).unwrap();
        store.end(id, end(Outcome::Done, 0.0)).unwrap();
    }
    let by = |model: &str| {
        let doubted = Doubted { model: model.to_owned(), filter: Some(Filter::default()), ..Doubted::default() };
        store.void(&doubted, "", 0).unwrap()
    };
    assert_eq!(by("c"), Voided::default());
    assert_eq!(by("b"), Voided { episodes: vec!["two".into()], calls: 1 });
    assert_eq!(by("a"), Voided { episodes: vec!["one".into()], calls: 1 });
    assert_eq!(by("gguf/gguf"), Voided::default(), "void already");
}
