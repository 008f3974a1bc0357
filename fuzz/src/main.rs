//! Bytes made up by LLVM's fuzzer, thrown at whatever reads bytes from outside first: `HARNESS_FUZZ` names the reader.
//!
//! `cargo xtask fuzz` builds it with the instrumentation it needs and runs it; without, it would search blindly.
#![no_main]

mod readers;

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};

static READER: LazyLock<readers::Reader> = LazyLock::new(|| {
    let name = std::env::var("HARNESS_FUZZ").unwrap_or_default();
    let reader = readers::READERS.iter().find(|(known, _)| *known == name);
    reader.unwrap_or_else(|| panic!("HARNESS_FUZZ must name one of {:?}", readers::READERS.map(|(name, _)| name))).1
});

fuzz_target!(|bytes: &[u8]| -> Corpus { if READER(bytes) { Corpus::Keep } else { Corpus::Reject } });
