//! From a file to a running module: loading, locks, versions side by side.

use harness_abi::{Answer, Decision, Hook, Message};
use harness_host::{Host, Lock, testing::FakeContext};
use harness_spec::{Config, LockedPack, ModuleRef};
use serde_json::json;

use crate::support::{Folder, hello, patched};

fn reference(text: &str) -> ModuleRef {
    text.parse().unwrap()
}

fn greeting(host: &Host, module: &str, config: &Config) -> String {
    let resolved = host.resolve(&reference(module), config).unwrap();
    let mut processor = resolved.processor().unwrap();
    let mut context = FakeContext::default();
    context.system = "You are a test.".into();
    let decisions = context.call_hook(&mut processor, Hook::TaskStart, |_| unreachable!()).unwrap();
    match decisions.as_slice() {
        [Decision::SetSystem { text }] => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dropped_in_file_is_listed_loaded_and_runs() {
    let folder = Folder::new();
    folder.put("hello.so", &hello());
    let host = folder.host();
    assert_eq!(greeting(&host, "hello/greeter", &Config::new()), "You are a test.\nBe kind.");
    let config = Config::from([("greeting".to_owned(), json!("Be brief."))]);
    assert_eq!(greeting(&host, "hello/greeter", &config), "You are a test.\nBe brief.");
}

#[test]
fn versions_stand_side_by_side() {
    let folder = Folder::new();
    folder.put("old.so", &hello());
    let newer = patched(hello(), "version = \"0.1.0\"", "version = \"0.2.0\"");
    folder.put("new.so", &patched(newer, "Be kind.", "Be fair."));
    let host = folder.host();
    assert_eq!(greeting(&host, "hello/greeter@0.1.0", &Config::new()), "You are a test.\nBe kind.");
    assert_eq!(greeting(&host, "hello/greeter@0.2.0", &Config::new()), "You are a test.\nBe fair.");
    assert_eq!(greeting(&host, "hello/greeter", &Config::new()), "You are a test.\nBe fair.");
}

#[test]
fn a_running_host_finds_more_and_keeps_what_it_has() {
    let folder = Folder::new();
    folder.put("old.so", &hello());
    let host = folder.host();
    let resolved = host.resolve(&reference("hello/greeter"), &Config::new()).unwrap();
    assert!(host.rescan(None, |_| true).is_empty());
    let newer = patched(hello(), "version = \"0.1.0\"", "version = \"0.2.0\"");
    folder.put("new.so", &patched(newer, "Be kind.", "Be fair."));
    folder.put("old.so", &patched(hello(), "Be kind.", "Be vile."));
    assert!(host.rescan(None, |_| false).is_empty());
    let found: Vec<String> = host.rescan(None, |_| true).iter().map(|f| f.manifest.pack.version.to_string()).collect();
    // A changed file of a known version is no new version.
    assert_eq!(found, ["0.2.0"]);
    assert!(host.rescan(None, |_| true).is_empty());
    assert_eq!(greeting(&host, "hello/greeter", &Config::new()), "You are a test.\nBe kind.");
    assert_eq!(greeting(&host, "hello/greeter@0.2.0", &Config::new()), "You are a test.\nBe fair.");
    assert!(resolved.processor().is_ok());
    let names: Vec<String> = host.catalogue().modules().map(|entry| entry.reference().to_string()).collect();
    assert_eq!(names, ["hello/greeter", "hello/dice", "hello/greeter@0.2.0", "hello/dice@0.2.0"]);
}

#[test]
fn a_lock_admits_what_it_names_and_nothing_else() {
    let folder = Folder::new();
    let path = folder.put("hello.so", &hello());
    let inspected = harness_host::inspect(&path).unwrap();
    let mut lock = Lock::default();
    lock.insert(LockedPack {
        name: "hello".into(),
        version: inspected.manifest.pack.version,
        sha256: inspected.sha256,
        publisher: None,
        permissions: Vec::new(),
        shown: Default::default(),
    });
    let refused = |host: &Host| host.refused().first().map(ToString::to_string).unwrap_or_default();

    assert_eq!(refused(&folder.host_with(|builder| builder.lock(Some(lock.clone())))), "");
    assert!(
        refused(&folder.host_with(|builder| builder.lock(Some(Lock::default())))).contains("is not in harness.lock")
    );
    folder.put("hello.so", &patched(hello(), "Be kind.", "Be vile."));
    assert!(refused(&folder.host_with(|builder| builder.lock(Some(lock)))).contains("was changed after it was locked"));
}

#[test]
fn what_was_inspected_is_what_runs() {
    let folder = Folder::new();
    folder.put("hello.so", &patched(hello(), "Be kind.", "Be kinD."));
    let host = folder.host();
    folder.put("hello.so", b"something else by now");
    assert_eq!(greeting(&host, "hello/greeter", &Config::new()), "You are a test.\nBe kinD.");
}

#[test]
fn a_file_with_two_faces_is_refused() {
    let folder = Folder::new();
    let mut bytes = hello();
    let needle = b"Be kind.";
    let first = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[first..first + needle.len()].copy_from_slice(b"Be vile!");
    folder.put("hello.so", &bytes);
    let host = folder.host();
    let error = host.resolve(&reference("hello/greeter"), &Config::new()).unwrap_err();
    assert!(error.to_string().contains("one thing in its section"), "{error}");
}

#[test]
fn what_is_not_there_is_named_with_its_nearest_neighbour() {
    let folder = Folder::new();
    folder.put("hello.so", &hello());
    let error = folder.host().resolve(&reference("hello/greter"), &Config::new()).unwrap_err();
    assert!(error.to_string().contains("greeter"), "{error}");
}

#[test]
fn messages_of_a_pack_outlive_the_call_and_are_freed_by_their_maker() {
    let folder = Folder::new();
    folder.put("hello.so", &hello());
    let host = folder.host();
    let mut processor = host.resolve(&reference("hello/greeter"), &Config::new()).unwrap().processor().unwrap();
    let mut context = FakeContext::default().history((0..200).map(|n| Message::user(format!("message {n}"))));
    let before = context.history.clone();
    for _ in 0..1000 {
        let answered: fn(&harness_abi::Ask) -> Answer = |_| unreachable!();
        context.call_hook(&mut processor, Hook::StepEnd, answered).unwrap();
    }
    assert_eq!(context.history, before);
}
