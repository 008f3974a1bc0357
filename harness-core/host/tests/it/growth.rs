//! Packs built against this version of the interface when it was kept, and against a simulated next one, in today's host.
//!
//! The other way round, a host of the next version, is `cargo xtask growth`: it has to be built first.

use std::{path::PathBuf, process::Command};

#[path = "../../../abi/tests/growth/exercise.rs"]
mod exercise;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../abi/tests/growth")
}

/// Names of the two kept packs: of this version and of the next.
fn kept() -> [String; 2] {
    let mut parts = harness_abi::ABI_VERSION.split('.').map(|part| part.parse::<u32>().unwrap());
    let (major, minor) = (parts.next().unwrap(), parts.next().unwrap());
    [format!("fixture-{}", harness_abi::ABI_VERSION.replace('.', "-")), format!("fixture-{major}-{}-0", minor + 1)]
}

#[test]
fn packs_of_this_version_and_the_next_are_served_whichever_comes_first() {
    let expected = std::fs::read_to_string(folder().join("this-host.txt")).unwrap();
    let [this, next] = kept();
    for order in [[&this, &next], [&next, &this]] {
        // What is mapped first stays mapped: each order has a process of its own.
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["growth::in_this_order", "--exact", "--ignored", "--nocapture"]);
        let output = child.env("GROWTH_PACKS", format!("{} {}", order[0], order[1])).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let mut lines: Vec<&str> = said.lines().filter(|line| line.starts_with("fixture-")).collect();
        lines.sort_unstable();
        assert_eq!(lines.join("\n"), expected.trim_end(), "in the order {order:?}");
    }
}

#[test]
#[ignore = "the part of the test above that has a process of its own"]
fn in_this_order() {
    let store = tempfile::tempdir().unwrap();
    let host = harness_host::Host::builder().search([folder()]).store(store.path()).build().unwrap();
    assert!(host.refused().is_empty(), "{:?}", host.refused());
    let packs = std::env::var("GROWTH_PACKS").unwrap_or_else(|_| kept().join(" "));
    println!();
    for pack in packs.split(' ') {
        exercise::lines(&host, pack).unwrap().iter().for_each(|line| println!("{line}"));
    }
}

#[test]
fn kept_packs_are_small_and_name_no_machine() {
    let [this, next] = kept().map(|name| std::fs::read(folder().join(format!("{name}.so"))).unwrap());
    assert!(this.len() + next.len() <= 1_400_000, "{} and {} bytes", this.len(), next.len());
    for text in [".cargo/", "registry/src", "target/growth"] {
        let found = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!found(&this) && !found(&next), "{text}");
    }
}
