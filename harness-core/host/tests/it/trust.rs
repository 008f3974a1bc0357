//! Who signed a file, what the policy makes of it, and what a lock still holds against it.

use harness_host::{Host, Isolation, Lock, Policy, Signer, signature_path};
use harness_spec::{LockedPack, Publisher};
use minisign::KeyPair;

use crate::support::{Folder, hello, patched};

fn sign(folder: &Folder, name: &str, keys: &KeyPair) {
    let path = folder.0.path().join(name);
    let bytes = std::fs::read(&path).unwrap();
    let signature = minisign::sign(None, &keys.sk, bytes.as_slice(), Some("hello 0.1.0"), None).unwrap();
    std::fs::write(signature_path(&path), signature.into_string()).unwrap();
}

fn keys() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

fn key(keys: &KeyPair) -> harness_spec::PublicKey {
    keys.pk.to_base64().parse().unwrap()
}

fn trusting(keys: &KeyPair) -> Policy {
    let publisher = Publisher { name: "Acme".into(), key: key(keys), isolation: Isolation::InProcess };
    Policy { publishers: vec![publisher], ..Policy::default() }
}

fn terms(host: &Host) -> String {
    match host.trust("hello", "0.1.0".parse().unwrap()) {
        Some(trust) => {
            format!("{:?} {:?} {}", trust.signer, trust.publisher.as_deref().unwrap_or("-"), trust.isolation)
        }
        None => host.refused()[0].to_string(),
    }
}

#[test]
fn a_trusted_publisher_runs_in_process_and_everybody_else_in_a_child() {
    let (folder, acme, other) = (Folder::new(), keys(), keys());
    let path = folder.put("hello.so", &hello());
    let with = |policy: &Policy| terms(&folder.host_with(|builder| builder.policy(policy.clone())));
    assert_eq!(with(&trusting(&acme)), "Nobody \"-\" process");
    sign(&folder, "hello.so", &other);
    assert_eq!(with(&trusting(&acme)), "Stranger \"-\" process");
    sign(&folder, "hello.so", &acme);
    assert_eq!(with(&trusting(&acme)), format!("{:?} \"Acme\" in-process", Signer::Key(key(&acme))));
    assert_eq!(with(&Policy::default()), "Stranger \"-\" process");

    std::fs::write(&path, patched(hello(), "Be kind.", "Be vile.")).unwrap();
    assert!(with(&trusting(&acme)).contains("the file is not the one that was signed"));
    std::fs::write(signature_path(&path), "no signature at all").unwrap();
    assert!(with(&trusting(&acme)).contains("has a bad signature: Invalid encoding"));
}

#[test]
fn a_policy_may_ask_for_signatures_and_make_exceptions() {
    let (folder, acme) = (Folder::new(), keys());
    folder.put("hello.so", &hello());
    let mut policy = Policy { only_signed: true, ..trusting(&acme) };
    let with = |policy: &Policy| terms(&folder.host_with(|builder| builder.policy(policy.clone())));
    assert!(with(&policy).contains("is not signed by a publisher that policy.toml trusts"));
    policy.packs.push(harness_spec::PackPolicy { name: "hello".into(), isolation: Isolation::InProcess });
    assert_eq!(with(&policy), "Nobody \"-\" in-process");
}

fn locked(folder: &Folder, change: impl FnOnce(&mut LockedPack)) -> Host {
    let inspected = harness_host::inspect(&folder.0.path().join("hello.so")).unwrap();
    let mut pack = LockedPack {
        name: "hello".into(),
        version: inspected.manifest.pack.version,
        sha256: inspected.sha256,
        publisher: None,
        permissions: inspected.manifest.permissions(),
        shown: Default::default(),
    };
    change(&mut pack);
    let mut lock = Lock::default();
    lock.insert(pack);
    folder.host_with(|builder| builder.lock(Some(lock)))
}

#[test]
fn a_lock_holds_to_the_publisher_and_the_permissions_it_names() {
    let (folder, acme) = (Folder::new(), keys());
    folder.put("hello.so", &hello());
    let pinned = |folder: &Folder| terms(&locked(folder, |pack| pack.publisher = Some(key(&acme))));
    assert!(pinned(&folder).contains("is locked as signed with the key RW"));
    sign(&folder, "hello.so", &keys());
    assert!(pinned(&folder).contains("is locked as signed with the key RW"));
    sign(&folder, "hello.so", &acme);
    assert!(pinned(&folder).contains("in-process"));

    let asks = patched(hello(), "blocking = false\ndeterministic = true", "permissions = [\"net\"]                ");
    let folder = Folder::new();
    folder.put("hello.so", &asks);
    assert!(terms(&locked(&folder, |_| {})).contains("in-process"));
    let less = terms(&locked(&folder, |pack| pack.permissions.clear()));
    assert!(less.contains("asks for permissions that harness.lock does not list: net"), "{less}");
}
