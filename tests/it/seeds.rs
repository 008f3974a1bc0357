//! The fuzzer's readers over its seeds, among which everything stays that was found once. The search itself is `cargo xtask fuzz`.

use std::{fs, path::PathBuf};

#[path = "../../fuzz/src/readers.rs"]
mod readers;

#[test]
fn every_seed_is_read_and_keeps_its_meaning() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut bytes = 0;
    for (name, read) in readers::READERS {
        let seeds: Vec<_> = fs::read_dir(folder.join(name)).unwrap().map(|seed| seed.unwrap().path()).collect();
        assert!(!seeds.is_empty(), "no seeds of {name}");
        for seed in seeds {
            let content = fs::read(&seed).unwrap();
            bytes += content.len();
            assert!(read(&content), "{} is worth nothing to a fuzzer", seed.display());
        }
    }
    assert!(bytes < 200_000, "{bytes} bytes of seeds: the tree is no place for a corpus");
}
