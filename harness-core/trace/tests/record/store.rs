//! Writing and reading: round trips, visibility, resumption, refusals.

use std::sync::Arc;

use harness_abi::Message;
use harness_trace::{
    Entry, EpisodeSplit, EpisodeStart, Filter, History, Look, LookKind, Outcome, Recorder, RunKind, RunRecord, SCHEMA,
    SeenGroup, Split, Store, TraceError,
};
use serde_json::json;

use crate::samples::{call_key, chat, end, every_kind, scores, start};

/// The same test over every kind of store, before and after it is opened again.
pub fn each(check: impl Fn(Arc<Store>, &dyn Fn(Arc<Store>) -> Arc<Store>)) {
    check(Store::in_memory().unwrap(), &|same| same);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    check(Store::open(&path).unwrap(), &|store| {
        drop(store);
        Store::open(&path).unwrap()
    });
}

fn read(store: &Store, id: &str) -> Vec<(u64, Entry)> {
    let row = store.episode(id).unwrap();
    store.entries(&row).unwrap().map(Result::unwrap).collect()
}

#[test]
fn an_episode_comes_back_as_it_went_in() {
    each(|store, reopen| {
        let (begun, ended) = (start("e1", "t1"), end(Outcome::Done, 0.7));
        store.begin(begun.clone()).unwrap();
        store.step("e1", 0, every_kind()).unwrap();
        // A reader in between cuts the episode into chunks.
        assert_eq!(store.episode("e1").unwrap().outcome, None);
        store.step("e1", 0, every_kind()).unwrap();
        store.step("e1", 1, Vec::new()).unwrap();
        store.step("e1", 300, every_kind()).unwrap();
        store.end("e1", ended.clone()).unwrap();
        let store = reopen(store);
        let row = store.episode("e1").unwrap();
        assert_eq!((&row.start, row.outcome, row.reward()), (&begun, Some(Outcome::Done), Some(0.7)));
        assert_eq!((&row.grade, row.usage, row.replayed), (&ended.grade, ended.usage, ended.replayed));
        assert_eq!((row.steps, row.micros, row.reason.as_str()), (3, 77, "because"));
        assert_eq!(store.final_state(&row).unwrap().to_string(), ended.state.to_string());
        let expected: Vec<_> =
            [0, 0, 300].into_iter().flat_map(|step| every_kind().into_iter().map(move |entry| (step, entry))).collect();
        assert_eq!(read(&store, "e1"), expected);
    });
}

#[test]
fn a_call_is_seen_at_once_and_its_first_reply_stands() {
    each(|store, reopen| {
        assert_eq!(store.chat(&call_key(0)).unwrap(), None);
        for n in 0..50 {
            store.put_chat(call_key(n), chat(&format!("reply {n}"))).unwrap();
            store.put_chat(call_key(n), chat("another")).unwrap();
            if n % 7 == 0 {
                store.flush().unwrap();
            }
            assert_eq!(store.chat(&call_key(n)).unwrap(), Some(chat(&format!("reply {n}"))));
        }
        store.put_scores(call_key(100), scores()).unwrap();
        let store = reopen(store);
        store.put_chat(call_key(3), chat("too late")).unwrap();
        for n in 0..50 {
            assert_eq!(store.chat(&call_key(n)).unwrap(), Some(chat(&format!("reply {n}"))));
        }
        assert_eq!(store.scores(&call_key(100)).unwrap(), Some(scores()));
        assert_eq!(store.chat(&call_key(51)).unwrap(), None);
        // A key names one kind of call.
        assert!(matches!(store.scores(&call_key(1)), Err(TraceError::Damaged { .. })));
    });
}

#[test]
fn only_rollouts_that_ended_and_count_are_results() {
    each(|store, reopen| {
        let result = |store: &Store| store.episode_result("suite", "h1", "t1", u64::MAX).unwrap();
        for (id, outcome) in [
            ("killed", None),
            ("cancelled", Some(Outcome::Cancelled)),
            ("server down", Some(Outcome::Infrastructure)),
            ("first", Some(Outcome::Fault)),
            ("second", Some(Outcome::Done)),
        ] {
            store.begin(start(id, "t1")).unwrap();
            store.step(id, 0, every_kind()).unwrap();
            assert_eq!(result(&store).is_some(), id == "second", "{id}");
            if let Some(outcome) = outcome {
                store.end(id, end(outcome, 0.0)).unwrap();
            }
        }
        let store = reopen(store);
        assert_eq!(result(&store).unwrap().start.episode, "first");
        assert_eq!(store.episode_result("suite", "h1", "t1", 3).unwrap(), None);
        assert_eq!(store.episode_result("suite", "h2", "t1", u64::MAX).unwrap(), None);
        let ids: Vec<_> = store.finished("run").unwrap().into_iter().map(|row| row.start.episode).collect();
        assert_eq!(ids, ["first", "second"]);
        let open = store.episodes(&Filter { suite: "suite".into(), ..Filter::default() }).unwrap();
        assert_eq!(open.len(), 5);
    });
}

#[test]
fn an_id_begun_again_is_another_attempt() {
    each(|store, reopen| {
        store.begin(start("e", "t1")).unwrap();
        store.step("e", 0, vec![Entry::System { text: "old".into() }]).unwrap();
        let store = reopen(store);
        store.begin(start("e", "t1")).unwrap();
        store.step("e", 0, vec![Entry::System { text: "new".into() }]).unwrap();
        store.end("e", end(Outcome::Done, 1.0)).unwrap();
        assert_eq!(read(&store, "e"), [(0, Entry::System { text: "new".into() })]);
        assert_eq!(store.episodes(&Filter::default()).unwrap().len(), 2);
    });
}

#[test]
fn a_prefix_names_an_episode_when_it_is_the_only_one() {
    let store = Store::in_memory().unwrap();
    for id in ["ab", "ab1", "ab2", "b~é"] {
        store.begin(start(id, "t")).unwrap();
    }
    let found = |prefix: &str| store.episode(prefix).map(|row| row.start.episode).map_err(|error| error.to_string());
    assert_eq!(found("ab1").unwrap(), "ab1");
    assert_eq!(found("ab").unwrap(), "ab");
    assert_eq!(found("b").unwrap(), "b~é");
    assert_eq!(found("a").unwrap_err(), "\"a\" begins the ids of several episodes (ab, ab1, ab2): write more of it");
    assert_eq!(found("x").unwrap_err(), "no episode \"x\" in the record");
    assert!(matches!(store.step("x", 0, Vec::new()), Err(TraceError::NoEpisode { .. })));
    assert!(matches!(store.end("x", end(Outcome::Done, 1.0)), Err(TraceError::NoEpisode { .. })));
}

#[test]
fn the_conversation_is_a_fold_over_the_entries() {
    let store = Store::in_memory().unwrap();
    store.begin(start("e", "t")).unwrap();
    let say = |text: &str| Entry::Message { message: Message::user(text) };
    let edit = |start, end, with: &[&str]| Entry::Edited {
        start,
        end,
        with: with.iter().map(|text| Message::user(*text)).collect(),
    };
    store.step("e", 0, vec![Entry::System { text: "s".into() }, say("a"), say("b"), say("c")]).unwrap();
    store.step("e", 1, vec![edit(0, 2, &["x"]), edit(2, 2, &["d", "e"])]).unwrap();
    let row = store.episode("e").unwrap();
    let history = store.history(&row).unwrap();
    let texts: Vec<_> = history.messages.iter().map(|message| message.text().into_owned()).collect();
    assert_eq!((history.system.as_str(), texts.join(" ")), ("s", "x c d e".to_owned()));
    assert!(History::default().apply(&edit(0, 1, &[])).is_err());
}

#[test]
fn the_ledger_keeps_order_and_bytes() {
    each(|store, reopen| {
        let run = RunRecord {
            id: "r1".into(),
            command: "harness evolve".into(),
            seed: u64::MAX,
            config: json!({"b": 1, "a": 2}),
            ..RunRecord::default()
        };
        store.begin_run(run.clone()).unwrap();
        store.begin_run(RunRecord { command: "again".into(), ..run.clone() }).unwrap();
        for n in 0..3 {
            store.put_fact("r1", "ship", &n.to_string(), &json!({"z": n, "a": [n]})).unwrap();
            store.put_fact("r2", "ship", "x", &n).unwrap();
        }
        let group = |digest: u64| SeenGroup { name: format!("g{digest}"), digest };
        let look = |suite: &str, kind, groups: &[u64]| Look {
            run: "r1".into(),
            suite: suite.into(),
            split: Some(Split::Sealed),
            kind,
            groups: groups.iter().map(|digest| group(*digest)).collect(),
            ..Look::default()
        };
        let played = look("s", LookKind::Played, &[1, u64::MAX]);
        let read = look("renamed", LookKind::Read, &[1]);
        // As earlier versions wrote it.
        let unknown = look("s", LookKind::Played, &[]);
        for look in [&played, &read, &unknown] {
            store.log_look(look.clone()).unwrap();
        }
        let store = reopen(store);
        assert_eq!(store.runs().unwrap().len(), 1);
        assert_eq!(store.run("r1").unwrap(), Some(run));
        let facts = store.facts("r1", "ship").unwrap();
        let texts: Vec<_> = facts.iter().map(|fact| format!("{}={}", fact.key, fact.value)).collect();
        assert_eq!(texts, [r#"0={"z":0,"a":[0]}"#, r#"1={"z":1,"a":[1]}"#, r#"2={"z":2,"a":[2]}"#]);
        assert_eq!(store.fact("r2", "ship", "x").unwrap().unwrap().read::<u64>().unwrap(), 2);
        assert_eq!(store.fact("r2", "reject", "x").unwrap(), None);
        assert_eq!(store.facts_of_all_runs("ship").unwrap().len(), 6);
        let looks = |suite: &str, digests: &[u64]| store.looks(suite, &digests.iter().copied().collect()).unwrap();
        assert_eq!(looks("s", &[1, u64::MAX]), [played.clone(), read.clone(), unknown.clone()]);
        assert_eq!(looks("other", &[1]), [look("s", LookKind::Played, &[1]), read.clone()]);
        assert_eq!(looks("s", &[2]), [unknown]);
        assert_eq!(store.groups_seen("r1", LookKind::Played).unwrap(), [group(1), group(u64::MAX)].into());
        assert_eq!(store.groups_seen("r2", LookKind::Played).unwrap(), [].into());
    });
}

#[test]
fn blobs_are_found_by_their_hash() {
    each(|store, reopen| {
        let hash = store.put_blob("image/png", b"bytes").unwrap();
        assert_eq!(store.put_blob("image/png", b"bytes").unwrap(), hash);
        assert_eq!(store.blob(&hash).unwrap().as_deref(), Some(&b"bytes"[..]));
        let store = reopen(store);
        assert_eq!(store.blob(&hash).unwrap().as_deref(), Some(&b"bytes"[..]));
        assert_eq!(store.blob("not a hash").unwrap(), None);
    });
}

#[test]
fn an_episode_that_answered_a_call_belongs_to_its_parent() {
    each(|store, reopen| {
        for (id, parent) in [("ab", ""), ("ab.1", "ab"), ("ab.1.1", "ab.1")] {
            store.begin(EpisodeStart { parent: parent.into(), ..start(id, "t1") }).unwrap();
            store.end(id, end(Outcome::Done, 1.0)).unwrap();
        }
        let store = reopen(store);
        let of = |parent: Option<&str>| -> Vec<String> {
            let filter = Filter { parent: parent.map(str::to_owned), ..Filter::default() };
            store.episodes(&filter).unwrap().into_iter().map(|row| row.start.episode).collect()
        };
        assert_eq!(of(None), ["ab", "ab.1", "ab.1.1"]);
        assert_eq!((of(Some("")), of(Some("ab")), of(Some("x"))), (vec!["ab".into()], vec!["ab.1".into()], vec![]));
        assert_eq!(store.finished("run").unwrap().len(), 1);
        // The beginning of an id means the whole.
        assert_eq!(store.episode("a").unwrap().start.episode, "ab");
        assert_eq!(store.episode("ab.1").unwrap().start.parent, "ab");
        assert!(matches!(store.episode("ab."), Err(TraceError::NoEpisode { .. })));
    });
}

#[test]
fn an_older_file_is_read_and_written_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    let store = Store::open(&path).unwrap();
    store.begin(start("old", "t1")).unwrap();
    store.end("old", end(Outcome::Done, 1.0)).unwrap();
    for id in ["run-1", "bench-1-1", "evolve-s-1", "serve-1", "r1"] {
        store.begin_run(RunRecord { id: id.to_owned(), ..RunRecord::default() }).unwrap();
    }
    drop(store);
    // As version 1 was.
    let older = "DROP TABLE links; DROP TABLE unlinked; DROP TABLE voids; DROP INDEX episodes_by_parent; ALTER TABLE episodes DROP COLUMN parent;
        ALTER TABLE runs DROP COLUMN kind; ALTER TABLE runs DROP COLUMN control_of;
        ALTER TABLE looks DROP COLUMN kind; ALTER TABLE looks DROP COLUMN data; DROP TABLE look_groups;
        INSERT INTO looks(run, suite, split, command, at_ms) VALUES('r1', 's', 'sealed', 'harness bench s', 7);
        UPDATE episodes SET split = 'valid_seen'; PRAGMA user_version = 1";
    rusqlite::Connection::open(&path).unwrap().execute_batch(older).unwrap();
    let store = Store::open(&path).unwrap();
    store.begin(EpisodeStart { parent: "old".into(), ..start("new", "t1") }).unwrap();
    let parents: Vec<_> = store.episodes(&Filter::default()).unwrap().into_iter().map(|row| row.start.parent).collect();
    assert_eq!(parents, ["", "old"]);
    let kinds: Vec<_> = store.runs().unwrap().into_iter().map(|run| run.kind).collect();
    assert_eq!(kinds, [RunKind::Run, RunKind::Bench, RunKind::Evolve, RunKind::Serve, RunKind::Unknown]);
    // Its rows are older than the chain, which begins here.
    let chain = store.check_chain().unwrap();
    assert_eq!((chain.differs, chain.links), (Vec::new(), 1));
    let looks = store.looks("s", &[1].into()).unwrap();
    assert_eq!((looks.len(), looks[0].split, looks[0].at_ms), (1, Some(Split::Sealed), 7));
    // What a name of the data's own stood for is not known: nothing is learnt from it.
    let rows = store.episodes(&Filter::default()).unwrap();
    assert_eq!(rows[0].start.split, EpisodeSplit::Named("valid_seen".into()));
    assert!(matches!(store.explore_trace(&rows[0]), Err(TraceError::Closed(_))));
    assert_eq!(store.explore_trace(&rows[1]).unwrap().episode(), "new");
}

#[test]
fn other_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let refused = |name: &str| match Store::open(path(name)) {
        Ok(_) => panic!("{name} was opened"),
        Err(error) => error,
    };
    std::fs::write(path("text"), "this is no database, but it is long enough to be read as one. ".repeat(80)).unwrap();
    assert!(matches!(refused("text"), TraceError::Open { .. }));
    assert!(matches!(refused("no/such/folder"), TraceError::Open { .. }));
    let sql = |name: &str, text: &str| rusqlite::Connection::open(path(name)).unwrap().execute_batch(text).unwrap();
    sql("foreign", "CREATE TABLE a(b)");
    assert!(matches!(refused("foreign"), TraceError::Foreign { .. }));
    drop(Store::open(path("newer")).unwrap());
    sql("newer", &format!("PRAGMA user_version = {}", SCHEMA + 1));
    assert!(matches!(refused("newer"), TraceError::Newer { found, known, .. } if found == known + 1));
}

#[test]
fn a_failed_write_is_everybodys_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    let store = Store::open(&path).unwrap();
    store.begin(start("e", "t")).unwrap();
    store.flush().unwrap();
    // As good as a full disk: the table the writer needs is gone.
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE steps").unwrap();
    store.step("e", 0, every_kind()).unwrap();
    assert!(matches!(store.flush(), Err(TraceError::Writer(_))));
    assert!(matches!(store.step("e", 1, every_kind()), Err(TraceError::Writer(_))));
    assert!(matches!(store.flush(), Err(TraceError::Writer(_))));
}
