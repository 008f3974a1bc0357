//! The real `hello` pack as bytes, and ways to make other packs out of it.

use std::path::{Path, PathBuf};

use harness_host::{Host, HostError};

/// The shared library of `plugin-hello`, which cargo builds beside this test because it is a dev-dependency.
pub fn hello() -> Vec<u8> {
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join("libplugin_hello.so");
    std::fs::read(&library).unwrap_or_else(|error| panic!("{}: {error}", library.display()))
}

/// The bytes with every occurrence of `from` replaced by `to`, which must be as long.
pub fn patched(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut count = 0;
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from.as_bytes() {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            count += 1;
        }
    }
    assert!(count > 0, "{from} does not occur");
    bytes
}

pub struct Folder(pub tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn host(&self) -> Host {
        self.host_with(|builder| builder)
    }

    pub fn host_with(&self, change: impl FnOnce(harness_host::HostBuilder) -> harness_host::HostBuilder) -> Host {
        let builder = Host::builder().search([self.0.path().to_owned()]).store(self.0.path().join("store"));
        change(builder).build().unwrap()
    }
}

/// What is wrong with the file, without its path.
pub fn refusal(path: &Path) -> String {
    match harness_host::inspect(path) {
        Err(HostError::Refused { refusal, .. }) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}
