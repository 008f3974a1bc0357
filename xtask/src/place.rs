//! Where things are: the workspace, cargo's target folder, the plugin folder, the reports.

use std::path::PathBuf;

/// The workspace. Cargo says it when it starts this program; a copy started by hand falls back on where it was built.
pub fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Cargo's target folder, wherever it was put: this program lies in `<target>/debug`.
pub fn target() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.to_owned()));
    beside.unwrap_or_else(|| root().join("target"))
}

/// A file of the release build.
pub fn built(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// The `harness` binary of the release build.
pub fn binary() -> PathBuf {
    built(&format!("harness{}", std::env::consts::EXE_SUFFIX))
}

/// The workspace's plugin folder.
pub fn plugins() -> PathBuf {
    root().join(".harness/plugins")
}
