//! Files that are no packs, or no longer: each is refused with a reason, none keeps the good ones out, none crashes anything.

use crate::support::{Workspace, library};

/// The bytes with every occurrence of `from` replaced by `to`, which must be as long.
fn patched(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut count = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            count += 1;
        }
    }
    assert!(count > 0, "{from} does not occur");
    bytes
}

#[test]
fn every_bad_file_is_refused_with_its_reason() {
    let good = std::fs::read(library("hello")).unwrap();
    let mut other_machine = good.clone();
    other_machine[18..20].copy_from_slice(&[0xf3, 0]); // RISC-V
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", Vec::new(), "is not a shared library"),
        ("text", b"#!/bin/sh\necho hello\n".to_vec(), "is not a shared library"),
        ("header", good[..64].to_vec(), "is "),
        ("half", good[..good.len() / 2].to_vec(), "is "),
        ("last", good[..good.len() - 1].to_vec(), "is "),
        ("machine", other_machine, "is built for"),
        (
            "nopack",
            patched(good.clone(), ".harness.manifest", ".harness.manifold"),
            "is a shared library but no module pack",
        ),
        ("abi", patched(good.clone(), "abi = \"1.0.0\"", "abi = \"2.0.0\""), "is built against interface 2.0.0"),
    ];
    let workspace = Workspace::with(&["hello"]);
    for (name, bytes, _) in &cases {
        workspace.put(&format!(".harness/plugins/{name}.so"), bytes);
    }
    let list = workspace.json(&["plugin", "list"]);
    assert!(list["packs"].as_array().unwrap().iter().any(|pack| pack["name"] == "hello"), "{list}");
    let refused = list["refused"].as_array().unwrap();
    assert_eq!(refused.len(), cases.len());
    for (name, _, reason) in &cases {
        let file = format!(".harness/plugins/{name}.so");
        let found = refused.iter().find(|one| one["path"].as_str().unwrap().ends_with(&file)).unwrap();
        assert!(found["reason"].as_str().unwrap().starts_with(reason), "{name}: {found}");
        workspace.run(&["plugin", "inspect", &file]).failure(2, &[&file, reason]);
    }
}

#[test]
fn no_length_of_a_truncated_file_does_harm() {
    let good = std::fs::read(library("hello")).unwrap();
    let workspace = Workspace::new();
    for part in 1..24 {
        workspace.put(&format!(".harness/plugins/cut{part}.so"), &good[..good.len() * part / 24]);
    }
    let list = workspace.json(&["plugin", "list"]);
    assert_eq!(list["refused"].as_array().unwrap().len(), 23);
}

#[test]
fn a_pack_that_says_two_things_is_not_loaded() {
    let workspace = Workspace::new();
    let good = std::fs::read(library("hello")).unwrap();
    // The copy in the section alone: what the code says stays.
    let text = b"description = \"The smallest";
    let at = good.windows(text.len()).position(|window| window == text).unwrap();
    let mut bytes = good;
    bytes[at + text.len() - 1] = b'T';
    workspace.put(".harness/plugins/libplugin_hello.so", bytes);
    workspace.put("my.toml", "[model.main]\nuse = \"std/noop\"\n[[tool]]\nuse = \"hello/dice\"\n");
    workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(2, &["says one thing in its section and another"]);
}
