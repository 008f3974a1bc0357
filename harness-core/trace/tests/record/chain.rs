//! What was written stands: every way to change, move, take out or put in a row beside the program is noticed.

use harness_abi::{Finish, Usage};
use harness_trace::{
    ChainCheck, Doubted, Entry, Look, LookKind, Outcome, Purpose, Recorder, RunKind, RunRecord, SeenGroup, Split, Store,
};
use serde_json::json;

use crate::samples::{call_key, chat, end, start};

fn run(id: &str) -> RunRecord {
    RunRecord {
        id: id.to_owned(),
        kind: RunKind::Evolve,
        of: String::new(),
        command: "harness evolve".to_owned(),
        started_ms: 5,
        suite: "suite".to_owned(),
        seed: 1,
        config: json!({}),
        lock: json!(null),
    }
}

fn fill(store: &Store) {
    store.begin_run(run("run")).unwrap();
    for n in 1..=3 {
        let id = format!("episode {n}");
        store.put_chat(call_key(n), chat(&format!("reply {n}"))).unwrap();
        store.begin(start(&id, &id)).unwrap();
        let (finish, usage) = (Finish::STOP, Usage::default());
        let role = "main".to_owned();
        let call = Entry::Chat {
            role,
            key: call_key(n),
            purpose: Purpose::Step,
            finish,
            usage,
            began: None,
            micros: 1,
            replayed: false,
        };
        let fault = Entry::Fault {
            hook: None,
            module: "m".to_owned(),
            class: "fault".to_owned(),
            message: "broken".to_owned(),
        };
        store.step(&id, 1, vec![call, fault]).unwrap();
        store.end(&id, end(Outcome::Done, 0.5)).unwrap();
        store.put_fact("run", "evolve", &format!("{n:05} duel"), &json!({"capital": n})).unwrap();
    }
    let groups = vec![SeenGroup { digest: 7, name: "g".to_owned() }];
    store
        .log_look(Look {
            run: "run".to_owned(),
            suite: "suite".to_owned(),
            data: "d".to_owned(),
            split: Some(Split::Sealed),
            kind: LookKind::Played,
            command: "bench".to_owned(),
            at_ms: 9,
            groups,
        })
        .unwrap();
    let doubted = Doubted { names: vec!["episode 3".to_owned()], ..Doubted::default() };
    store.void(&doubted, "wrong", 11).unwrap();
    // The same run again changes nothing, and leaves no trace in the chain.
    store.begin_run(run("run")).unwrap();
    store.flush().unwrap();
}

fn check(path: &std::path::Path) -> ChainCheck {
    Store::read(path).unwrap().check_chain().unwrap()
}

#[test]
fn an_untouched_record_stands_however_often_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    fill(&Store::open(&path).unwrap());
    let first = check(&path);
    assert_eq!(first.differs, [""; 0]);
    assert!(first.links > 0 && first.rows > 15 && first.head.len() == 64, "{first:?}");
    assert_eq!(check(&path), first, "looking changes nothing");
    let store = Store::open(&path).unwrap();
    store.put_fact("run", "evolve", "00004 ended", &json!({})).unwrap();
    drop(store);
    let second = check(&path);
    assert_eq!((second.differs.len(), second.links > first.links), (0, true));
    assert_ne!(second.head, first.head);
}

#[test]
fn every_tampering_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite");
    fill(&Store::open(&path).unwrap());
    for (sql, says) in [
        ("UPDATE episodes SET reward = 1.0 WHERE num = 2", "the end of episode 2 is not what was written"),
        ("UPDATE episodes SET outcome = 'fault' WHERE num = 1", "the end of episode 1 is not"),
        ("UPDATE episodes SET started_ms = 2 WHERE num = 1", "the beginning of episode 1 is not"),
        ("UPDATE episodes SET split = 'explore', seed = 3 WHERE num = 1", "the beginning of episode 1 is not"),
        ("DELETE FROM episodes WHERE num = 2", "the beginning of episode 2 is gone"),
        ("DELETE FROM steps WHERE at IN (SELECT min(at) FROM steps)", " is gone"),
        ("UPDATE steps SET data = x'00' WHERE at IN (SELECT min(at) FROM steps)", " is not what was written"),
        ("UPDATE calls SET data = x'00' WHERE num = 1", "call 1 is not"),
        ("UPDATE call_keys SET keys = zeroblob(length(keys))", "call keys 1 is not"),
        ("UPDATE facts SET json = '{\"capital\":99}' WHERE num = 2", "fact 2 is not"),
        ("DELETE FROM facts WHERE num = 2", "fact 2 is gone"),
        ("UPDATE facts SET num = 99 WHERE num = 2", "fact 2 is gone"),
        ("UPDATE facts SET key = '00001 duel' WHERE num = 2", "fact 2 is not"),
        (
            "INSERT INTO facts(run, kind, key, json) VALUES('run', 'evolve', '00009 duel', '{}')",
            "was put in beside the chain",
        ),
        ("DELETE FROM looks", "look 1 is gone"),
        ("DELETE FROM look_groups", "look 1 is not"),
        ("DELETE FROM voids WHERE num = 1", "void mark 1 is gone"),
        ("DELETE FROM faults WHERE num = 1", "fault 1 is gone"),
        ("UPDATE runs SET started_ms = 1", "run 1 is not"),
        ("DELETE FROM links WHERE num = 2", "does not follow from the one before it"),
        ("UPDATE links SET hash = zeroblob(32) WHERE num = 2", "does not follow"),
        ("DELETE FROM links WHERE num = (SELECT max(num) FROM links)", "was put in beside the chain"),
    ] {
        let copy = folder.path().join("copy.sqlite");
        std::fs::copy(&path, &copy).unwrap();
        let db = rusqlite::Connection::open(&copy).unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
        db.close().unwrap();
        let found = check(&copy);
        assert!(found.differs.iter().any(|what| what.contains(says)), "{sql}: {found:?}");
    }
}

#[test]
fn a_chain_that_was_made_anew_ends_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let heads: Vec<String> = [0.5, 1.0]
        .into_iter()
        .map(|reward| {
            let path = folder.path().join(format!("{reward}.sqlite"));
            let store = Store::open(&path).unwrap();
            store.begin(start("one", "one")).unwrap();
            store.end("one", end(Outcome::Done, reward)).unwrap();
            drop(store);
            check(&path).head
        })
        .collect();
    assert_ne!(heads[0], heads[1]);
}
